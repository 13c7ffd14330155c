"""How long things have been waiting, from what knows it: waiting room, outbox and the dead letters' headers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiormq.abc import AbstractConnection
from pamqp import commands as spec
from sqlalchemy import text

from ops.connection import connected
from ops.failure import CommandError
from ops.topology.real import channel_of
from shared.settings import SettingsError

_STEPS = text("SELECT consumer, state, count(*) AS many, min(created_at) AS since FROM open_steps GROUP BY 1, 2")
_OUTBOX = text("SELECT owner, count(*) AS many, min(created_at) AS since FROM outbox GROUP BY 1")


@dataclass(slots=True)
class Waiting:
    """Steps that were taken from a queue and are not done."""

    by_state: dict[str, int] = field(default_factory=dict)
    since: datetime | None = None


async def waiting_by_consumer(not_checked: list[str], outbox: dict[str, dict[str, Any]]) -> dict[str, Waiting]:
    """Read the waiting room and fill `outbox`; without a database say so in `not_checked`."""
    found: dict[str, Waiting] = {}
    try:
        async with connected() as database, database.engine.connect() as connection:
            for row in await connection.execute(_STEPS):
                waiting = found.setdefault(row.consumer, Waiting())
                waiting.by_state[row.state] = row.many
                waiting.since = min(waiting.since or row.since, row.since)
            for row in await connection.execute(_OUTBOX):
                outbox[row.owner] = {"rows": row.many, "since": row.since}
    except (CommandError, SettingsError) as error:
        not_checked.append(f"the waiting room and the outbox: {error}")
    return found


async def first_death(connection: AbstractConnection, queue: str) -> datetime | None:
    """When the first dead letter in `queue` died, by its header; it stays where it is."""
    async with channel_of(connection) as channel:
        message = await channel.basic_get(queue)
        if not isinstance(message.delivery, spec.Basic.GetOk):
            return None
        await channel.basic_reject(message.delivery.delivery_tag or 0, requeue=True)
        died = (message.header.properties.headers or {}).get("vrs-died-at")
    try:
        return datetime.fromisoformat(died) if isinstance(died, str) else None
    except ValueError:
        return None
