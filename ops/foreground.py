"""Runs a coroutine as this process's work, ended by Ctrl-C or SIGTERM with everything cleaned up."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(work: Coroutine[None, None, T]) -> T:
    """Run `work`. The first signal cancels it, further ones are ignored while it cleans up.

    Raises:
        SystemExit: 128 + the signal's number, after a signal.

    """
    received: list[signal.Signals] = []

    async def supervised() -> T:
        task = asyncio.ensure_future(work)

        def stop(number: signal.Signals) -> None:
            if not received:
                task.cancel()
            received.append(number)

        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
        return await task

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        raise SystemExit(128 + received[0] if received else 1) from None
