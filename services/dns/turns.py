"""Who may call next: INWX works on one call of a session at a time."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from weakref import WeakKeyDictionary


class Turns:
    """A lock that prefers the task that began first: an order is finished before the next one is begun.

    First come, first served by call would have fifty orders all look before the first one creates.
    """

    def __init__(self) -> None:
        self._began: WeakKeyDictionary[asyncio.Task[object], int] = WeakKeyDictionary()
        self._count = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._taken = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the turn inside the block."""
        await self._take()
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self) -> None:
        number = next(self._count)
        task = asyncio.current_task()
        began = self._began.setdefault(task, number) if task else number
        if not self._taken:
            self._taken = True
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (began, number, mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it was our turn already
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            *_, next_one = heapq.heappop(self._waiting)
            if not next_one.done():
                next_one.set_result(None)
                return
        self._taken = False
