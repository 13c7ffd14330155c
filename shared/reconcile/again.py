"""Has a service do a step once more whose effect is gone: as a new event that it alone is given."""

from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CloudEvent, Event, ServiceName
from shared.emitted import newest
from shared.messaging.schedule import WAKE_CHANNEL
from shared.messaging.topology import queue_name
from shared.models import LogStatus, ProvisioningLog

EventT = TypeVar("EventT", bound=Event)

_OPEN = text("""
    INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at, deadline, reason)
    VALUES (:consumer, :event_id, :project_id, :body, 'waiting', 1, nextval('step_tokens'), clock_timestamp(),
            clock_timestamp() + make_interval(secs => :lifetime), 'what it had made is gone')
""")


async def last_said(connection: AsyncConnection, project_id: UUID, event: type[EventT]) -> CloudEvent[EventT] | None:
    """Read what was said last to the project's consumers of `event`, by the exact bytes in the log."""
    said = (
        select(ProvisioningLog.emitted)
        .where(
            ProvisioningLog.project_id == project_id,
            ProvisioningLog.status == LogStatus.COMPLETED,
            ProvisioningLog.emitted.is_not(None),
        )
        .order_by(ProvisioningLog.id.desc())
    )
    return newest(event, await connection.scalars(said))


async def open_step(
    connection: AsyncConnection, service: ServiceName, original: CloudEvent[EventT], deadline: timedelta
) -> None:
    """Put a copy of the event, with an id of its own, into the waiting room of `service`, which takes it at once."""
    copy = CloudEvent.of(
        original.data,
        source=original.source.rpartition("/")[2],
        project_id=original.subject,
        correlation_id=original.correlation_id,
        causation_id=original.id,
    )
    opened = {
        "consumer": queue_name(service, type(original.data)),
        "event_id": copy.id,
        "project_id": copy.subject,
        "body": copy.encode(),
        "lifetime": deadline.total_seconds(),
    }
    await connection.execute(_OPEN, opened)
    await connection.execute(text(f"NOTIFY {WAKE_CHANNEL}"))
