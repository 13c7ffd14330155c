"""Takes what is due straight from the waiting room, renews leases, sweeps the outbox, listens for wakes.

It looks every second, at the moment a step of ours is due, and when a writer outside the services sends NOTIFY.
"""

import asyncio
import time
from contextlib import suppress

import asyncpg
import structlog

from shared.crash_points import CrashPoint, reached
from shared.database import Database
from shared.messaging import waiting_room
from shared.messaging.act import Actor
from shared.messaging.announce import announce
from shared.messaging.given import StepRow
from shared.messaging.say import Speaker
from shared.messaging.trouble import DATABASE_ERRORS, reason_of
from shared.outbox import OUTBOX_CHANNEL
from shared.service import Announcement
from shared.transaction import begin, each_alone

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
LISTEN_AGAIN_AFTER = 5.0
AWAY_AFTER = 10.0
"""Seconds without a look that succeeded after which the database counts as away."""

ANSWER_WITHIN = 1.0
"""Seconds that a stop waits for what is just being taken."""

RENEWALS = 3
"""In the life of a lease."""

WAKE_CHANNEL = "vrs_wake"


class Scheduler:
    """The clock of one service."""

    def __init__(self, actor: Actor, speaker: Speaker, database: Database) -> None:
        self.actor = actor
        self.speaker = speaker
        self.database = database
        self._poked = asyncio.Event()
        self._looked_at = time.monotonic()
        self._trouble = "no answer"

    @property
    def database_is_away(self) -> str | None:
        """What is wrong if nothing could be taken for `AWAY_AFTER`: it fails, or hangs."""
        seconds = time.monotonic() - self._looked_at
        return f"PostgreSQL has been away for {seconds:.0f} s: {self._trouble}" if seconds > AWAY_AFTER else None

    def look_at(self, after: float) -> None:
        """Look in `after` seconds."""
        asyncio.get_running_loop().call_later(after, self._poked.set)

    async def run(self) -> None:
        """Take, sweep, wait; for ever. A database that is away is waited for."""
        self._looked_at = time.monotonic()
        while True:
            self._poked.clear()
            try:
                await self._take()
                await self.speaker.sweep()
                self._looked_at, self._trouble = time.monotonic(), "no answer"
            except DATABASE_ERRORS as error:
                self._trouble = reason_of(error)
                log.warning("waiting for PostgreSQL", error=self._trouble)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._poked.wait()

    async def _take(self) -> None:
        """What is taken is begun, also when we are stopped meanwhile: then it is given back with all that runs."""
        rooms = {lane.queue: lane.room for lane in self.actor.lanes if lane.room > 0}
        since = time.monotonic()
        if not rooms:  # a service without consumers may not even look
            self._begin({}, rooms, since)
            return
        taking = asyncio.create_task(self._taken(rooms))
        try:
            await asyncio.wait([taking])
        except asyncio.CancelledError:
            await asyncio.wait([taking], timeout=ANSWER_WITHIN)
            if taking.cancel() or taking.exception() is not None:
                raise
            self._begin(taking.result(), rooms, since)
            raise
        self._begin(taking.result(), rooms, since)

    def _begin(self, taken: dict[str, list[StepRow]], rooms: dict[str, int], since: float) -> None:
        for lane in self.actor.lanes:
            rows = taken.get(lane.queue, [])
            lane.more_is_due = len(rows) == rooms.get(lane.queue, 0)
            self.actor.start(lane, rows, since=since)

    async def _taken(self, rooms: dict[str, int]) -> dict[str, list[StepRow]]:
        async with each_alone(self.database) as transaction:
            taken = await waiting_room.take(transaction, rooms, self.actor.committer.lease)
            rows = [row for some in taken.values() for row in some]
            reached(CrashPoint.TAKE_WRITTEN, rows)
        reached(CrashPoint.TAKEN, rows)
        return taken

    async def renew_leases(self) -> None:
        """Renew each lease of a try that is really in hand, `RENEWALS` times in its life; for ever."""
        lease = self.actor.committer.lease
        while True:
            await asyncio.sleep(lease / RENEWALS)
            steps = self.actor.in_hand
            if not steps:
                continue
            now = time.monotonic()
            try:
                async with begin(self.database) as transaction:
                    alive = await waiting_room.renew(transaction, [step.fence for step in steps], lease, wait=False)
                reached(CrashPoint.LEASE_RENEWED, steps)
            except DATABASE_ERRORS as error:
                log.warning("leases are not renewed", steps=len(steps), error=reason_of(error))
                continue
            for step in steps:
                if step.token in alive:  # any other is lost or just being ended: its lease runs out
                    step.lease.ends = now + lease

    async def listen(self) -> None:
        """Look at once when somebody outside the services sends NOTIFY; for ever.

        Over a connection of its own: LISTEN does not pass a pooler in transaction mode.
        """
        while True:
            try:
                await self._listen_until_gone()
            except DATABASE_ERRORS as error:
                log.debug("not listening, looking every second", error=reason_of(error))
            await asyncio.sleep(LISTEN_AGAIN_AFTER)

    async def _listen_until_gone(self) -> None:
        connection = await asyncpg.connect(self.database.listen_url)
        try:
            gone = asyncio.Event()
            connection.add_termination_listener(lambda _: gone.set())
            for channel in (WAKE_CHANNEL, OUTBOX_CHANNEL):
                await connection.add_listener(channel, lambda *_: self._poked.set())
            await gone.wait()
        finally:
            await connection.close(timeout=1)

    async def wake(self, key: str, most: int | None = None) -> int:
        """See `shared.service.Kernel.wake`."""
        async with begin(self.database) as transaction:
            woken = await waiting_room.wake(transaction, key, most)
        if woken:
            self._poked.set()
        return woken

    async def parked_keys(self, prefix: str) -> list[str]:
        """See `shared.service.Kernel.parked_keys`."""
        async with begin(self.database) as transaction:
            return await waiting_room.parked_keys(transaction, service=self.actor.service.name.value, prefix=prefix)

    async def announce(self, announcement: Announcement) -> bool:
        """See `shared.service.Kernel.announce`."""
        messages = await announce(self.database, self.actor.service.name, announcement)
        self.speaker.say(messages)
        return bool(messages)
