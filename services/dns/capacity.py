"""Wakes the projects that wait for a place, when there is one: after a cancellation, or a server that ops added."""

import asyncio

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.dns.outcomes import CAPACITY
from shared.models import Server, ServerState
from shared.service import Background, Kernel

LOOK_EVERY = 1.0
"""Seconds."""

_FREE = (
    select(Server.region, func.sum(Server.capacity - Server.used))
    .where(Server.state == ServerState.ACTIVE)
    .group_by(Server.region)
)


async def wake_for_free_places(kernel: Kernel, engine: AsyncEngine) -> int:
    """Wake as many waiting projects as there are free places, oldest first; return how many."""
    keys = await kernel.parked_keys(CAPACITY)
    if not keys:
        return 0
    async with engine.connect() as connection:
        free = {region: int(places) for region, places in (await connection.execute(_FREE)).all()}
    woken = 0
    for key in keys:
        region = key.partition(":")[2]
        places = free.get(region, 0) if region else sum(free.values())
        if places:
            woken += await kernel.wake(key, most=places)
    return woken


def wake_when_free(engine: AsyncEngine) -> Background:
    """Look every second, for as long as the service runs."""

    async def run(kernel: Kernel) -> None:
        while True:
            await wake_for_free_places(kernel, engine)
            await asyncio.sleep(LOOK_EVERY)

    return run
