"""How the events of the example story are said: ids as `uuid7` would have made them, times that stay as they are."""

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from contracts.cloud_event import CloudEvent
from contracts.event import Event, ServiceName

DataT = TypeVar("DataT", bound=Event)

DOMAIN = "baeckerei-schmidt.example"
EASTER = "osterlamm.example"

_PROJECT = UUID("01a20cc8-7d3c-7c3b-9d52-6f0b8e4a2d17")
_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def said(
    data: DataT,
    by: ServiceName,
    when: datetime,
    number: int,
    cause: CloudEvent[Any] | None = None,
) -> CloudEvent[DataT]:
    """Put `data` into its envelope, with an id as `uuid7` would have made it at that time."""
    milliseconds = int(when.timestamp() * 1000)
    event_id = UUID(int=milliseconds << 80 | 0x7 << 76 | 0x1F3 << 64 | 0x2 << 62 | 0x9B70_5D2E_84C1_0000 | number)
    event = CloudEvent.of(data, source=by.value, project_id=_PROJECT, causation_id=cause.id if cause else None)
    began = cause.correlationid if cause else event_id
    return event.model_copy(
        update={"id": event_id, "time": when, "correlationid": began, "traceparent": _TRACE if cause else None}
    )


def at(hour: int, minute: int, second: int, millisecond: int) -> datetime:
    """Return a time of the day on which the order came."""
    return datetime(2026, 11, 24, hour, minute, second, millisecond * 1000, tzinfo=UTC)
