"""A message in a dead-letter queue: who put it there, which step it belongs to, why it died."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.cloud_event import MAX_BYTES
from shared.messaging.unreadable import derived_id

Key = tuple[str, UUID]
"""(consumer, event id): what names a step everywhere."""

_BROKERS_WORDS = {
    "delivery_limit": "RabbitMQ gave up: it was delivered too often without being claimed",
    "rejected": "it was rejected: the service could neither claim nor refuse it",
    "expired": "it waited too long in its queue",
    "maxlen": "its queue was full",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it was found. `tag` acks it on the channel that read it.

    `death` is the step's number of deaths that a replay must name; 0 if the kernel never buried it: then RabbitMQ
    itself moved it here. `body` is empty if it was not asked for; times are UTC.
    """

    queue: str
    tag: int
    message_id: str | None
    consumer: str
    event_id: UUID
    death: int
    project_id: UUID | None
    code: str
    reason: str
    attempts: int
    died_at: datetime | None
    headers: dict[str, Any]
    body: bytes

    @property
    def key(self) -> Key:
        """Names the step."""
        return self.consumer, self.event_id

    @property
    def sendable(self) -> dict[str, Any]:
        """The headers without what RabbitMQ added: it would add to them."""
        return {name: value for name, value in self.headers.items() if not name.startswith("x-")}


def read_letter(
    *, queue: str, tag: int, routing_key: str, message_id: str | None, headers: Mapping[str, Any], body: bytes
) -> Letter:
    """Read a message of any origin; what its headers don't say is taken from its bytes.

    An unreadable message gets the id that the kernel would give it.
    """
    consumer = _text(headers.get("vrs-consumer")) or routing_key
    event_id, project_id = uuid_of(headers.get("event-id")), uuid_of(headers.get("vrs-project"))
    if event_id is None or (project_id is None and "vrs-project" not in headers):
        raw = envelope(body)
        event_id = event_id or uuid_of(raw.get("id"))
        project_id = project_id or uuid_of(raw.get("subject"))
    moved = _moved_by_broker(headers)
    return Letter(
        queue=queue,
        tag=tag,
        message_id=message_id,
        consumer=consumer,
        event_id=event_id or derived_id(consumer, body),
        death=_count(headers.get("vrs-death")),
        project_id=project_id if project_id and project_id.int else None,
        code=f"broker_{moved}" if moved else _text(headers.get("vrs-code")),
        reason=_BROKERS_WORDS.get(moved, moved) if moved else _text(headers.get("vrs-reason")),
        attempts=_count(headers.get("vrs-attempt")),
        died_at=_time(headers),
        headers=dict(headers),
        body=body,
    )


def envelope(body: bytes) -> dict[str, Any]:
    """The event's attributes as far as they are legible; empty if the bytes are no JSON object."""
    try:
        raw = json.loads(body) if len(body) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def uuid_of(value: Any) -> UUID | None:
    """`value` as a UUID, None if it is none."""
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        return None


def _moved_by_broker(headers: Mapping[str, Any]) -> str:
    deaths = headers.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else None
    return _text(last.get("reason")) if isinstance(last, dict) else ""


def _time(headers: Mapping[str, Any]) -> datetime | None:
    deaths = headers.get("x-death")
    if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict):
        moved = deaths[0].get("time")
        if isinstance(moved, datetime):
            return moved if moved.tzinfo else moved.replace(tzinfo=UTC)
    try:
        died = datetime.fromisoformat(_text(headers.get("vrs-died-at")))
    except ValueError:
        return None
    return died if died.tzinfo else died.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
