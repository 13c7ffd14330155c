"""What the marketplace keeps ends: events that were said, for `vrs recover`, and deliveries of webhooks, sent or not.

Both may tell of customers, and whoever is switched off for ever, or has no key for webhooks, would keep them as well.
"""

from datetime import timedelta

from sqlalchemy import delete, func

from shared.database import Database
from shared.messaging.looking import look_every
from shared.models import SaidEvent, WebhookDelivery
from shared.service import Background, Kernel

KEPT = timedelta(days=30)
LOOK_EVERY = 3600.0
"""Seconds."""

_AGES = {SaidEvent: SaidEvent.said_at, WebhookDelivery: WebhookDelivery.created_at}


async def drop_old(database: Database) -> None:
    """Delete what is older than `KEPT`."""
    for table, since in _AGES.items():
        async with database.autocommit.begin() as connection:
            await connection.execute(delete(table).where(since < func.statement_timestamp() - KEPT))


def dropping(database: Database) -> Background:
    """Look every hour for as long as the service runs; a database that is away is asked again then."""

    async def run(kernel: Kernel) -> None:
        del kernel
        await look_every(LOOK_EVERY, lambda: drop_old(database), otherwise="what is old stays for now")

    return run
