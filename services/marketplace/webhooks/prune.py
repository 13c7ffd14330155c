"""The delivery log ends: what is older than it is kept goes, sent or not, for the bodies may tell of customers.

Whoever is switched off for ever, or a marketplace without a key, would otherwise keep it.
"""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import text

from shared.database import Database
from shared.messaging.trouble import DATABASE_ERRORS, reason_of
from shared.service import Background, Kernel

KEPT = timedelta(days=30)
LOOK_EVERY = 3600.0
"""Seconds."""

log = structlog.get_logger(__name__)

_PRUNE = text("DELETE FROM webhook_deliveries WHERE created_at < statement_timestamp() - CAST(:kept AS interval)")


def pruning(database: Database) -> Background:
    """Look every hour for as long as the service runs; a database that is away is asked again then."""

    async def run(kernel: Kernel) -> None:
        del kernel
        while True:
            try:
                async with database.autocommit.begin() as connection:
                    await connection.execute(_PRUNE, {"kept": KEPT})
            except DATABASE_ERRORS as error:
                log.warning("old deliveries of webhooks stay for now", error=reason_of(error))
            await asyncio.sleep(LOOK_EVERY)

    return run
