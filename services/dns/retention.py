"""Forgets the customers of projects that were cancelled long ago. dns does, because their contact is in its orders."""

from datetime import timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import ProjectOrdered
from shared.dead_letters.queues import BrokerAwayError, holding
from shared.forget import UnderWayError, forget
from shared.messaging.looking import look_every
from shared.messaging.trouble import DATABASE_ERRORS
from shared.service import Background, Kernel

log = structlog.get_logger(__name__)

LOOK_EVERY = 3600.0
"""Seconds."""

MOST = 500
"""Projects at a look, so that none takes long."""

_DUE = text("""
    SELECT o.project_id
    FROM project_orders o JOIN cancellations c ON c.project_id = o.project_id
    WHERE o.forgotten_at IS NULL AND c.at < clock_timestamp() - make_interval(secs => :keep)
    ORDER BY c.at LIMIT :most
""")


async def forget_who_is_due(engine: AsyncEngine, amqp_url: str, *, keep: timedelta) -> int:
    """Remove the contacts of projects that were cancelled more than `keep` ago; return how many.

    Raises:
        BrokerAwayError: dead letters cannot be looked through; nothing was removed.

    """
    async with engine.connect() as connection:
        due = list(await connection.scalars(_DUE, {"keep": keep.total_seconds(), "most": MOST}))
    if not due:
        return 0
    forgotten = 0
    async with holding(amqp_url, ProjectOrdered.required_by, lock=False) as held:
        if held.busy:
            raise BrokerAwayError(f"somebody else has dead letters in hand ({', '.join(held.busy)})")
        for project_id in due:
            try:
                async with engine.begin() as connection:
                    reason = f"more than {keep.total_seconds() / 86_400:g} days after its cancellation"
                    counts, letters = await forget(connection, held, project_id, by="dns", reason=reason)
                    await held.remove(letters)
            except UnderWayError:
                log.warning("not forgotten yet, its cancellation is not done", project=project_id)
            else:
                forgotten += 1
                log.info("customer forgotten", project=project_id, rows=counts, letters=len(letters))
    return forgotten


def forget_in_time(engine: AsyncEngine, amqp_url: str, *, keep: timedelta) -> Background:
    """Look every hour, for as long as the service runs; what is away is tried again then."""

    async def run(kernel: Kernel) -> None:
        del kernel

        async def look() -> None:
            await forget_who_is_due(engine, amqp_url, keep=keep)

        away = (*DATABASE_ERRORS, BrokerAwayError)
        await look_every(LOOK_EVERY, look, otherwise="nobody was forgotten", waits_for=away)

    return run
