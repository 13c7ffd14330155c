"""INWX's zones and records. Each write is safe to repeat, and looks again by itself when its answer was lost."""

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from contracts import DnsRecord, MailRecord
from services.dns.authority import text_of
from services.dns.inwx_errors import InwxExistsError, InwxNotFoundError, InwxUnavailableError, OutcomeUnknownError
from services.dns.inwx_session import InwxSession
from services.dns.mail_records import ForeignRecord


class InwxRecord(BaseModel):
    """A record as INWX has it: absolute name in lower case without trailing dot, A-labels.

    Ids are strings since November 2025 and may come as numbers; production data holds trailing blanks.
    """

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True, str_strip_whitespace=True)

    id: str
    name: str
    type: str
    content: str = ""
    ttl: int = 0

    @field_validator("name")
    @classmethod
    def _comparable(cls, name: str) -> str:
        name = name.lower().rstrip(".")
        if name.isascii():
            return name
        try:
            return name.encode("idna").decode()
        except UnicodeError:
            return name

    @model_validator(mode="before")
    @classmethod
    def _one_spelling(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        content = str(row.get("content", "")).strip()
        match row.get("type"):
            case "A" | "AAAA":
                try:
                    content = str(ip_address(content))
                except ValueError:
                    return row
            case "TXT":  # long ones may come in quoted pieces
                content = text_of(content)
            case "CNAME" | "MX":
                content = content.rstrip(".").lower()
        return {**row, "content": content}

    def equals(self, record: DnsRecord | MailRecord) -> bool:
        """Whether it is the same record; INWX refuses a second one (2302). The TTL does not count."""
        return (self.name, self.type, self.content) == (record.name, record.type, record.content)

    @property
    def age(self) -> tuple[int, str]:
        """Sorts the oldest first: ids are numbers that rise."""
        return len(self.id), self.id

    def __str__(self) -> str:
        return f"{self.name} {self.type} {self.content}"


class _Records(BaseModel):
    record: list[InwxRecord] = []


class _Created(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)
    id: str


class _Zone(BaseModel):
    domain: str


class _Zones(BaseModel):
    zones: list[_Zone] = Field(default=[], alias="domains")


class Inwx:
    """The calls of ``nameserver.*`` that provisioning needs. Errors are those of `InwxSession.call`."""

    def __init__(self, session: InwxSession) -> None:
        self._session = session

    async def records(self, zone: str, *, name: str | None = None) -> list[InwxRecord]:
        """Read the zone's records, or only those of the absolute `name`.

        Raises:
            InwxNotFoundError: the account has no zone of exactly this name.

        """
        asked = {"domain": zone} if name is None else {"domain": zone, "name": name}
        found = await self._session.call("nameserver.info", asked)
        try:
            return _Records.model_validate(found).record
        except ValidationError as error:
            raise _unreadable("nameserver.info") from error

    async def zone_of(self, name: str) -> tuple[str, list[InwxRecord]] | None:
        """Find the account's zone that holds `name`, with all its records, walking up its labels; None without."""
        zone = name
        while "." in zone:
            try:
                return zone, await self.records(zone)
            except InwxNotFoundError:
                zone = zone.split(".", 1)[1]
        return None

    async def has_zone(self, zone: str) -> bool:
        """Whether the account has a zone of exactly this name."""
        try:
            await self.records(zone, name=zone)
        except InwxNotFoundError:
            return False
        return True

    async def create_zone(self, zone: str, name_servers: Sequence[str]) -> None:
        """Make a zone; one that exists by now is taken for it.

        Raises:
            OutcomeUnknownError: the answer was lost and the zone is not there, or not yet.

        """
        params = {"domain": zone, "type": "MASTER", "ns": list(name_servers)}
        try:
            await self._session.call("nameserver.create", params, writes=True)
        except InwxExistsError:
            return
        except OutcomeUnknownError:
            if not await self.has_zone(zone):
                raise

    async def delete_zone(self, zone: str) -> None:
        """Delete the zone with all its records; one that is gone is fine.

        Raises:
            OutcomeUnknownError: the answer was lost and the zone is still there.

        """
        try:
            await self._session.call("nameserver.delete", {"domain": zone}, writes=True)
        except InwxNotFoundError:
            return
        except OutcomeUnknownError:
            if await self.has_zone(zone):
                raise

    async def zones(self, *, most: int = 100) -> list[str]:
        """Names of the account's zones, at most `most`."""
        found = await self._session.call("nameserver.list", {"pagelimit": most})
        try:
            return [zone.domain.strip() for zone in _Zones.model_validate(found).zones]
        except ValidationError as error:
            raise _unreadable("nameserver.list") from error

    async def create_record(self, zone: str, record: DnsRecord | MailRecord) -> str:
        """Create the record and return its id; an equal one that exists by now is taken for it.

        Ask `records` first whether somebody else has an equal one.

        Raises:
            OutcomeUnknownError: the answer was lost and the record is not there, or not yet.

        """
        values = _values(record)
        try:
            made = await self._session.call("nameserver.createRecord", {"domain": zone, **values}, writes=True)
            return _Created.model_validate(made).id
        except (OutcomeUnknownError, InwxExistsError, ValidationError) as error:
            equal = [found for found in await self.records(zone, name=record.name) if found.equals(record)]
            if not equal:
                raise OutcomeUnknownError(
                    f"INWX may have created {record.name} {record.type} and does not show it: {error}",
                    code="inwx_create_unanswered",
                ) from error
            return min(equal, key=lambda found: found.age).id

    async def copy_record(self, zone: str, record: ForeignRecord, *, ttl: int) -> None:
        """Create a record of somebody else's; an equal one that exists is taken for it. Safe to repeat."""
        values = {"name": record.name, "type": record.type, "content": record.content, "prio": record.prio}
        with suppress(InwxExistsError):
            await self._session.call("nameserver.createRecord", {"domain": zone, **values, "ttl": ttl}, writes=True)

    async def update_record(self, zone: str, record_id: str, record: DnsRecord | MailRecord) -> None:
        """Give the record these values.

        Raises:
            InwxNotFoundError: it is gone.
            OutcomeUnknownError: the answer was lost and the record does not show the change.

        """
        try:
            await self._session.call("nameserver.updateRecord", {"id": record_id, **_values(record)}, writes=True)
        except OutcomeUnknownError:
            found = {each.id: each for each in await self.records(zone, name=record.name)}
            if record_id not in found or not found[record_id].equals(record):
                raise

    async def delete_record(self, zone: str, record_id: str, *, name: str) -> None:
        """Delete the record; one that is gone is fine.

        Raises:
            OutcomeUnknownError: the answer was lost and the record is still there.

        """
        try:
            await self._session.call("nameserver.deleteRecord", {"id": record_id}, writes=True)
        except InwxNotFoundError:
            return
        except OutcomeUnknownError:
            if any(found.id == record_id for found in await self.records(zone, name=name)):
                raise

    async def user(self) -> str:
        """Who is signed in."""
        return str((await self._session.call("account.check", {})).get("user", ""))


def _values(record: DnsRecord | MailRecord) -> dict[str, Any]:
    values: dict[str, Any] = {"name": record.name, "type": record.type, "content": record.content, "ttl": record.ttl}
    if isinstance(record, MailRecord) and record.priority is not None:
        values["prio"] = record.priority
    return values


def _unreadable(method: str) -> InwxUnavailableError:
    return InwxUnavailableError(f"INWX answered {method} with data that nobody can read", code="inwx_unreadable")
