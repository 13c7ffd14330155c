"""Runs one service, with nothing imported that only people at a terminal need."""

import asyncio
import gc
from importlib.metadata import entry_points

import uvloop

from ops.failure import CommandError
from shared.messaging import run as kernel
from shared.service import Build

ROUNDS = 5
"""In which what still runs is cancelled, a second each."""


def run_service(name: str) -> None:
    """Run the service until SIGTERM.

    Raises:
        CommandError: there is no such service.
        SettingsError: a setting is missing or wrong.

    """
    known = entry_points(group="vrs.services")
    if name not in known.names:
        raise CommandError(f"There is no service {name!r}; there are {', '.join(sorted(known.names))}", exit_code=2)
    build = known[name].load()
    gc.freeze()  # all that is imported stays: looking through it for garbage is a tenth of the way to being ready
    gc.enable()  # `ops.start` has switched it off for the imports
    uvloop.run(_until_nothing_runs(build))


async def _until_nothing_runs(build: Build) -> None:
    """End what libraries have begun as well: asyncio cancels it once and waits for ever.

    aio-pika's reconnecting takes a cancellation for an attempt that has failed and goes on (`RobustConnection`, 10.2).
    """
    try:
        await kernel.run(build)
    finally:
        for _ in range(ROUNDS):
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if not others:
                break
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=1.0)
