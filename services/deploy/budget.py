"""One request budget for the process: never more requests in a minute than Coolify allows its user.

Coolify counts in windows of 60 s that begin with a request (Laravel's limiter). A place in the budget is taken before
a request leaves and given back 60 s after its answer came; a request counts at Coolify in between, so whatever window
Coolify has, it cannot hold more of ours than there are places. Requests of others of the same user show in
``X-RateLimit-Remaining`` and take places away for a minute.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

import structlog

log = structlog.get_logger(__name__)

WINDOW = 60.0
SHORTEST_POLL = 0.25
PART_OF_POLLS = 4
"""Polls get one place in so many."""


class Lane(Enum):
    """Who asks. Polling may use its own places only, and work cannot take them: both always get on."""

    WORK = auto()
    POLL = auto()


@dataclass(slots=True)
class _Places:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # first come, first served
    in_flight: int = 0
    ended: deque[float] = field(default_factory=deque)

    def taken(self, now: float) -> int:
        while self.ended and self.ended[0] + WINDOW <= now:
            self.ended.popleft()
        return self.in_flight + len(self.ended)


class Budget:
    """Hands out places for requests, at most `per_minute` in any minute; fewer if Coolify says so."""

    def __init__(
        self,
        per_minute: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._per_minute = self._coolifys_limit = per_minute
        self._clock = clock
        self._sleep = sleep
        self._lanes = {lane: _Places() for lane in Lane}
        self._granted = 0
        self._others = 0
        self._others_until = 0.0
        self._paused_until = 0.0

    @property
    def poll_interval(self) -> float:
        """Seconds between polls that use up the polls' places and no more."""
        return max(SHORTEST_POLL, WINDOW / max(1, self._allowance(Lane.POLL)))

    @asynccontextmanager
    async def place(self, lane: Lane) -> AsyncIterator[Callable[[Mapping[str, str]], None]]:
        """Wait for a place and hold it. Call what this gives with the headers of Coolify's answer."""
        places = self._lanes[lane]
        async with places.turn:
            while (wait := self._wait(lane)) > 0:
                await self._sleep(wait)
            places.in_flight += 1
            self._granted += 1
            ours, granted = self._taken(), self._granted
        try:
            yield lambda headers: self._heed(headers, ours - granted)
        finally:
            places.in_flight -= 1
            places.ended.append(self._clock())

    def pause(self, seconds: float, why: str) -> None:
        """Let nobody send anything for so long."""
        until = self._clock() + seconds
        if until > self._paused_until:
            self._paused_until = until
            log.warning("requests to Coolify pause", seconds=seconds, why=why)

    def _taken(self) -> int:
        now = self._clock()
        return sum(places.taken(now) for places in self._lanes.values())

    def _heed(self, headers: Mapping[str, str], before: int) -> None:
        """`before` plus all places granted by now is the most that Coolify can have counted of ours."""
        limit, remaining = (headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining"))
        if not (limit.isdigit() and remaining.isdigit()):
            return
        self._coolifys_limit = int(limit)
        others = int(limit) - int(remaining) - (before + self._granted)
        if others > self._others_now():
            self._others, self._others_until = others, self._clock() + WINDOW

    def _others_now(self) -> int:
        return self._others if self._clock() < self._others_until else 0

    def _allowance(self, lane: Lane) -> int:
        places = max(0, min(self._per_minute, self._coolifys_limit - self._others_now()))
        polls = places // PART_OF_POLLS
        return polls if lane is Lane.POLL else places - polls

    def _wait(self, lane: Lane) -> float:
        """Seconds until it is worth asking again; 0 if a place is free."""
        now, places = self._clock(), self._lanes[lane]
        if now < self._paused_until:
            return self._paused_until - now
        if places.taken(now) < self._allowance(lane):
            return 0.0
        moments = [places.ended[0] + WINDOW] if places.ended else []
        if self._others_now():
            moments.append(self._others_until)
        return max(min(moments) - now, 0.001) if moments else 0.05
