"""Says what no step of a service said: an event of its background work, with what makes it true, in one commit."""

from datetime import UTC, datetime
from uuid import UUID

from contracts import CloudEvent, ServiceName
from shared.database import Database
from shared.messaging.clean import clean, clean_detail
from shared.messaging.settle import LogRow, lock_projects, write_down
from shared.models import LogStatus
from shared.outbox import Message, said
from shared.service import Announcement
from shared.transaction import begin
from shared.writes import apply_all


async def announce(database: Database, service: ServiceName, announcement: Announcement) -> list[Message]:
    """Commit the announcement and return what is to be said; nothing if it is not true (any more)."""
    project_id = announcement.project_id
    async with begin(database) as transaction:
        if await lock_projects(transaction, [project_id]):
            return []
        [is_so] = await apply_all(transaction.connection, [(project_id, announcement.when)])
        if not is_so:
            return []
        event = CloudEvent.of(
            announcement.event,
            source=service.value,
            project_id=project_id,
            correlation_id=announcement.correlation_id,
            causation_id=announcement.causation_id,
        )
        message = said(event)
        row = _row(service, announcement, event.correlation_id, message)
        await write_down(transaction, service=service, logs=[row], moves=[], messages=[message], confirmed=[])
    return [message]


def _row(service: ServiceName, announcement: Announcement, story: UUID, message: Message) -> LogRow:
    """A row that settles nothing; its consumer is no queue."""
    return LogRow(
        project_id=announcement.project_id,
        consumer=f"{service}.{announcement.by}",
        step=announcement.by,
        status=LogStatus.WAITING,
        attempt=1,
        event_id=announcement.causation_id,
        causation_id=None,
        correlation_id=story,
        message=clean(announcement.message),
        detail=clean_detail(announcement.detail),
        emitted=message.body,
        started_at=datetime.now(UTC),
        duration_ms=0,
    )
