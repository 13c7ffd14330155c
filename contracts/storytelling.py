"""How the examples of the events are told: one project, made-up facts, ids and times that stay as they are."""

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from contracts.cloud_event import CloudEvent
from contracts.dns import TargetServer
from contracts.event import Event, ServiceName

DataT = TypeVar("DataT", bound=Event)

PROJECT = UUID("01a20cc8-7d3c-7c3b-9d52-6f0b8e4a2d17")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
DOMAIN = "baeckerei-schmidt.example"
EASTER = "osterlamm.example"
SERVER = TargetServer(
    id="k8w0s4ckcg4gwos4s0wk8k4c", name="tenants-2", region="fsn1", ipv4="203.0.113.20", ipv6="2001:db8::20"
)


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
    event = CloudEvent.of(data, source=by.value, project_id=PROJECT, causation_id=cause.id if cause else None)
    began = cause.correlationid if cause else event_id
    return event.model_copy(
        update={"id": event_id, "time": when, "correlationid": began, "traceparent": TRACE if cause else None}
    )


def at(hour: int, minute: int, second: int, millisecond: int) -> datetime:
    """Return a time of the day on which the order came."""
    return datetime(2026, 11, 24, hour, minute, second, millisecond * 1000, tzinfo=UTC)
