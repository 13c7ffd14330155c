"""The envelope: CloudEvents 1.0 in structured JSON mode, with the extensions that tell a story.

``subject`` is the project's id, ``correlationid`` the order's whole story, ``causationid`` the event that
caused this one, ``traceparent`` the W3C trace context. Times are UTC.
"""

import json
import os
import re
import time
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Generic, Literal, Self, TypeVar
from uuid import UUID

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema

from contracts.documented import Documented
from contracts.event import NO_CONTROL_CHARACTERS, Event, Timestamp
from contracts.problems import field_problems

CONTENT_TYPE = "application/cloudevents+json"
MAX_BYTES = 262_144
"""Larger bodies are refused unread: an event holds ids and facts."""

DataT = TypeVar("DataT", bound=Event)

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _hyphenated(value: Any) -> Any:
    if isinstance(value, str) and not _UUID.fullmatch(value):
        raise ValueError(f"{value[:50]!r} is not a UUID such as 01a20cc8-7d3c-7c3b-9d52-6f0b8e4a2d17")
    return value


Id = Annotated[UUID, BeforeValidator(_hyphenated)]
"""What ``format: uuid`` says (RFC 9562), and no other spelling: readers of the schema would refuse it."""


def uuid7() -> UUID:
    """A time-ordered random UUID (RFC 9562, version 7)."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10))
    return UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


class CloudEvent(Documented, Generic[DataT]):
    """An event with its ids. ``CloudEvent[ProjectOrdered]`` validates its data as well."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"]
    """The version of CloudEvents."""
    id: Id
    """Any UUID; ours are version 7. The same id is the same event: whoever has handled it ignores it."""
    source: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_CONTROL_CHARACTERS)]
    """Who says it; ours are ``/vrs/<service>``."""
    type: str
    """The event's name on the wire, for ever."""
    subject: Id
    """The project's id."""
    time: Timestamp
    """When it was said, with its time zone; ours are UTC."""
    datacontenttype: Literal["application/json"] = "application/json"
    """The form of ``data``."""
    dataschema: str | None = None
    """The schema of ``data``: ``urn:vrs:contract:<routing key>#data``."""
    correlationid: Id | None = None
    """The order's whole story: the id of the event that began it. Absent: this event begins one."""
    causationid: Id | None = None
    """The id of the event that caused this one; absent where none did."""
    traceparent: Annotated[str, Field(max_length=100)] | None = None
    """W3C trace context."""
    data: DataT
    """The facts."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """``ProjectOrderedEvent``: what the message is called in generated documents."""
        return f"{params[0].__name__}Event"

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema of the whole message; its ``type`` is the one of its data."""
        reference = super().__get_pydantic_json_schema__(core_schema, handler)
        schema = handler.resolve_ref_schema(reference)
        contract = cls.model_fields["data"].annotation
        if isinstance(contract, type) and issubclass(contract, Event):
            schema["properties"]["type"] |= {"const": contract.type}
        return reference

    @model_validator(mode="after")
    def _type_of_data(self) -> Self:
        if self.type != self.data.type:
            raise ValueError(f"type is {self.type!r}, expected {self.data.type!r}")
        return self

    @classmethod
    def of(
        cls,
        data: DataT,
        *,
        source: str,
        project_id: UUID,
        correlation_id: UUID | None = None,
        causation_id: UUID | None = None,
        traceparent: str | None = None,
    ) -> "CloudEvent[DataT]":
        """Wrap `data` in a new envelope. Without `correlation_id` a new story begins with this event's id."""
        event_id = uuid7()
        return cls.model_construct(
            specversion="1.0",
            id=event_id,
            source=f"/vrs/{source}",
            type=data.type,
            subject=project_id,
            time=datetime.now(UTC),
            datacontenttype="application/json",
            dataschema=f"{data.schema_id()}#data",
            correlationid=correlation_id or event_id,
            causationid=causation_id,
            traceparent=traceparent,
            data=data,
        )

    @property
    def correlation_id(self) -> UUID:
        """The story's id; an event that names none begins one."""
        return self.correlationid or self.id

    def encode(self) -> bytes:
        """The exact bytes that travel: compact JSON on one line, absent attributes left out."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)


class Refusal(StrEnum):
    """Why bytes are no event of ours."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_A_CLOUD_EVENT = "not_a_cloud_event"
    UNKNOWN_TYPE = "unknown_type"
    INVALID = "invalid"


class ContractError(Exception):
    """The bytes break the contract. `problems` name field, value and remedy; ids are given where legible."""

    def __init__(
        self,
        refusal: Refusal,
        problems: list[str],
        *,
        event_id: UUID | None = None,
        project_id: UUID | None = None,
    ) -> None:
        super().__init__(f"{refusal}: " + "; ".join(problems))
        self.refusal = refusal
        self.problems = problems
        self.event_id = event_id
        self.project_id = project_id


@cache
def _envelope(contract: type[Event]) -> type[CloudEvent[Any]]:
    return CloudEvent[contract]  # type: ignore[valid-type]  # the parameter is known at run time only


def decode(body: bytes, contract: type[DataT]) -> CloudEvent[DataT]:
    """Read `body` as an event of `contract`.

    Raises:
        ContractError: whatever the bytes are; nothing else is raised.

    """
    if len(body) > MAX_BYTES:
        raise ContractError(Refusal.TOO_LARGE, [f"{len(body)} bytes, at most {MAX_BYTES} are read"])
    try:
        return _envelope(contract).model_validate_json(body)
    except ValidationError as error:
        raise _refusal(body, contract, error) from None


def _refusal(body: bytes, contract: type[Event], error: ValidationError) -> ContractError:
    try:
        raw = json.loads(body.decode())
    except UnicodeDecodeError as undecodable:
        return ContractError(Refusal.NOT_UTF8, [f"byte {undecodable.start} is not UTF-8"])
    except (ValueError, RecursionError) as unreadable:
        return ContractError(Refusal.NOT_JSON, [str(unreadable)[:200]])
    if not isinstance(raw, dict):
        return ContractError(Refusal.NOT_A_CLOUD_EVENT, [f"a JSON object is expected, not {type(raw).__name__}"])
    ids = {"event_id": _uuid(raw.get("id")), "project_id": _uuid(raw.get("subject"))}
    if "specversion" not in raw:
        return ContractError(Refusal.NOT_A_CLOUD_EVENT, ["specversion: is missing, expected '1.0'"], **ids)
    if raw.get("type") != contract.type:
        found = repr(raw.get("type"))[:100]
        return ContractError(Refusal.UNKNOWN_TYPE, [f"type: is {found}, expected {contract.type!r}"], **ids)
    return ContractError(Refusal.INVALID, field_problems(error, to_its_author=False), **ids)


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        return None
