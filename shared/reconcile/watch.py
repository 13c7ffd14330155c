"""What a service does by itself: unanswered creates once their grace has passed, and everything once a day."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert

from shared.database import Database
from shared.errors import PermanentError, TemporaryError
from shared.messaging.looking import look_every
from shared.messaging.trouble import DATABASE_ERRORS
from shared.models import Reconciliation
from shared.reconcile.finding import Caution, Finding, Reconciler, RepairRefusedError, repair
from shared.service import Background, Kernel

log = structlog.get_logger(__name__)

LOOK_EVERY = 60.0
EVERYTHING_EVERY = timedelta(days=1)
MOST_AT_ONCE = 20
"""Projects with unanswered creates that are looked at in one go: the vendor has other work."""


def watch(reconciler: Reconciler, database: Database) -> Background:
    """Look every minute, for as long as the service runs; a vendor or a database that is away is waited for."""

    async def run(kernel: Kernel) -> None:  # noqa: ARG001 - a background's signature
        looked_at: set[tuple[UUID, datetime]] = set()

        async def look() -> None:
            await _answer(reconciler, looked_at)
            if await _is_due(reconciler, database):
                await everything(reconciler, database)

        away = (TemporaryError, PermanentError, *DATABASE_ERRORS)
        await look_every(LOOK_EVERY, look, otherwise="nothing is reconciled now", waits_for=away)

    return run


async def everything(reconciler: Reconciler, database: Database) -> list[Finding]:
    """Compare everything, log what is off, repair what is certain and count the rest; return what was found."""
    found = [finding async for finding in reconciler.look()]
    off = [await _is_left(reconciler, finding) for finding in found].count(True)
    log.info("compared everything", off=off)
    async with database.engine.begin() as connection:
        await connection.execute(
            update(Reconciliation)
            .where(Reconciliation.service == reconciler.service.value)
            .values(ended_at=func.clock_timestamp(), off=off)
        )
    return found


async def _answer(reconciler: Reconciler, looked_at: set[tuple[UUID, datetime]]) -> None:
    """Look at each unanswered create once; of what does not end with that, the daily look tells."""
    expired = await reconciler.expired()
    looked_at &= set(expired)
    for intent in [intent for intent in expired if intent not in looked_at][:MOST_AT_ONCE]:
        async for finding in reconciler.look(intent[0]):
            await _is_left(reconciler, finding)
        looked_at.add(intent)


async def _is_left(reconciler: Reconciler, finding: Finding) -> bool:
    """Repair what is certain; return whether people have to."""
    if not finding.is_off:
        return False
    known = finding.as_json() | {"project": str(finding.project_id)}
    if finding.repair is None or finding.repair.caution is not Caution.CERTAIN:
        log.warning("the vendor differs from the database", **known)
        return True
    try:
        log.warning("repaired", done=await repair(reconciler, finding), **known)
    except (RepairRefusedError, TemporaryError, PermanentError) as error:
        log.warning("not repaired", problem=str(error), **known)
        return True
    return False


async def _is_due(reconciler: Reconciler, database: Database) -> bool:
    """Take the daily comparison if nobody has: its date moves on first. A new database has its first after a day."""
    name, now = reconciler.service.value, func.clock_timestamp()
    begin = insert(Reconciliation).values(service=name, due_at=now + EVERYTHING_EVERY).on_conflict_do_nothing()
    take = (
        update(Reconciliation)
        .where(Reconciliation.service == name, Reconciliation.due_at <= now)
        .values(due_at=now + EVERYTHING_EVERY, began_at=now, ended_at=None, off=None)
        .returning(Reconciliation.service)
    )
    async with database.engine.begin() as connection:
        await connection.execute(begin)
        return await connection.scalar(take) is not None
