"""Drops what was said so long ago that nobody will have to say it again (`vrs recover`)."""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import delete, func

from shared.database import Database
from shared.messaging.trouble import DATABASE_ERRORS, reason_of
from shared.models import SaidEvent
from shared.service import Background, Kernel

KEPT = timedelta(days=30)
LOOK_EVERY = 3600.0
"""Seconds."""

log = structlog.get_logger(__name__)


async def drop_old(database: Database) -> None:
    """Drop what is older than `KEPT`."""
    async with database.autocommit.begin() as connection:
        await connection.execute(delete(SaidEvent).where(SaidEvent.said_at < func.statement_timestamp() - KEPT))


def dropping(database: Database) -> Background:
    """Look every hour, for as long as the service runs."""

    async def run(kernel: Kernel) -> None:
        del kernel
        while True:
            try:
                await drop_old(database)
            except DATABASE_ERRORS as error:
                log.warning("old events were not dropped", error=reason_of(error))
            await asyncio.sleep(LOOK_EVERY)

    return run
