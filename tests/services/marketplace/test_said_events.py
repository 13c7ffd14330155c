"""What is said in the marketplace's name is kept for `vrs recover`, and not for ever."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import func, select, update

from contracts import CloudEvent, PrimaryDomainChanged, ServiceName
from services.marketplace.retention import KEPT, drop_old
from shared.database import Database
from shared.marketplace_outbox import put
from shared.models import SaidEvent
from shared.outbox import row_of, said


def an_event() -> CloudEvent[PrimaryDomainChanged]:
    data = PrimaryDomainChanged(domain=f"{uuid4().hex}.example", requested_by="case worker")
    return CloudEvent.of(data, source=ServiceName.MARKETPLACE.value, project_id=uuid4())


async def test_what_was_said_is_kept_in_its_bytes_until_its_time_is_over(database: Database) -> None:
    old, new = an_event(), an_event()
    async with database.engine.begin() as connection:
        await put(connection, [old, new])
        now = func.clock_timestamp()
        for event, age in ((old, KEPT + timedelta(minutes=1)), (new, KEPT - timedelta(minutes=1))):
            await connection.execute(update(SaidEvent).where(SaidEvent.event_id == event.id).values(said_at=now - age))
    await drop_old(database)
    async with database.engine.connect() as connection:
        kept = (await connection.execute(select(SaidEvent.event_id, SaidEvent.body))).all()
    assert kept == [(new.id, said(new).body)]


async def test_what_a_step_says_is_in_the_log_and_not_kept_twice(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(row_of(said(an_event()), owner=ServiceName.DNS))
        assert await connection.scalar(select(func.count()).select_from(SaidEvent)) == 0
