"""Wakes the projects that wait for a place, when a server was added, undrained, reached or freed."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from services.dns.outcomes import capacity_key
from services.dns.placement import Choice, Need, Weights, allot
from services.dns.servers import candidate_of, read_servers, read_waits, wish_of
from shared.service import Background, Kernel

LOOK_EVERY = 1.0
"""Seconds."""


async def wake_for_free_places(kernel: Kernel, engine: AsyncEngine, weights: Weights) -> int:
    """Wake the waiting projects that would get a place now, in the order in which they came; return how many."""
    async with engine.connect() as connection:
        servers = await read_servers(connection, lock=False)
        candidates = list(map(candidate_of, servers))
        if all(candidate.obstacle(Need(), None) for candidate in candidates):
            return 0  # thousands may wait, and nobody could go on
        waits = await read_waits(connection)
    given = allot(candidates, list(map(wish_of, waits)), weights, now=servers[0].now)
    woken = 0
    for project_id, choice in given.items():
        if isinstance(choice, Choice):
            woken += await kernel.wake(capacity_key(project_id))
    return woken


def wake_when_free(engine: AsyncEngine, weights: Weights) -> Background:
    """Look every second, for as long as the service runs."""

    async def run(kernel: Kernel) -> None:
        while True:
            await wake_for_free_places(kernel, engine, weights)
            await asyncio.sleep(LOOK_EVERY)

    return run
