"""Says what is committed: publishes outbox rows in groups and remembers what the broker confirmed.

A row is removed with the next commit, or within half a second. What is not confirmed stays in the outbox; when its
lease has ended, the sweeper of the service that owns it says it again, on another channel.
"""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog
from aiormq.channel import Channel
from sqlalchemy import text

from contracts import ServiceName
from shared.database import Database
from shared.messaging.broker import CONNECTION_ERRORS, ServiceBroker
from shared.messaging.publish import Message, Said, publish
from shared.messaging.settle import OUTBOX_LEASE
from shared.messaging.trouble import DATABASE_ERRORS

log = structlog.get_logger(__name__)

LARGEST_GROUP = 256
SWEEP_AT_MOST = 500
REMOVE_WITHIN = 0.5
LONGEST_BACKOFF = 60.0

_SWEEP = text("""
    UPDATE outbox o SET lease_until = clock_timestamp() + make_interval(secs => :lease), attempts = o.attempts + 1
    FROM (SELECT id FROM outbox WHERE owner = :owner AND lease_until <= clock_timestamp()
          ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED) d
    WHERE o.id = d.id
    RETURNING o.id, o.exchange, o.routing_key, o.body, o.headers, o.required
""")

_POSTPONE = text("""
    UPDATE outbox SET lease_until = clock_timestamp()
                      + make_interval(secs => least(:longest, 0.5 * power(2, least(attempts, 10))))
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")


class Speaker:
    """Publishes for one service. `confirmed` ids wait to be removed from the outbox."""

    def __init__(self, owner: ServiceName, database: Database, broker: ServiceBroker) -> None:
        self.owner = owner
        self.database = database
        self.broker = broker
        self.on_confirmed: Callable[[], None] = lambda: None
        self._confirmed: list[UUID] = []
        self._removal: asyncio.TimerHandle | None = None
        self._rows: list[Message] = []
        self._ready = asyncio.Event()
        self._channel: Channel | None = None
        self._saying = False

    def say(self, messages: Sequence[Message]) -> None:
        """Publish committed rows as soon as possible; their lease is this process's."""
        if messages:
            self._rows += messages
            self._ready.set()

    def take_confirmed(self) -> list[UUID]:
        """Hand over what may be removed from the outbox."""
        confirmed, self._confirmed = self._confirmed, []
        return confirmed

    def give_back(self, confirmed: list[UUID]) -> None:
        """The removal was not committed."""
        self._confirmed += confirmed

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be said or removed."""
        return not (self._rows or self._saying or self._confirmed)

    async def run(self) -> None:
        """Say group after group, for ever."""
        while True:
            if not self._rows:
                self._ready.clear()
                await self._ready.wait()
            group, self._rows = self._rows[:LARGEST_GROUP], self._rows[LARGEST_GROUP:]
            self._saying = True
            await self._say(group)
            self._saying = False

    async def sweep(self) -> None:
        """Take the rows of this service whose lease has ended, and say them again."""
        if not self.idle:
            return
        async with self.database.autocommit.begin() as connection:
            rows = await connection.execute(
                _SWEEP, {"owner": self.owner.value, "lease": OUTBOX_LEASE, "most": SWEEP_AT_MOST}
            )
            self.say(
                [
                    Message(row.id, row.exchange, row.routing_key, bytes(row.body), row.headers, row.required)
                    for row in rows
                ]
            )

    async def _say(self, group: list[Message]) -> None:
        try:
            if self._channel is None or self._channel.is_closed:
                self._channel = await self.broker.open_channel()
            answers = await publish(self._channel, group)
        except CONNECTION_ERRORS as error:
            # Any of them may have arrived: the same id must not be in flight twice on one channel.
            log.warning("saying is interrupted", group=len(group), error=str(error) or type(error).__name__)
            await self._drop_channel()
            await self._postpone(group)
            return
        not_taken = [
            message
            for message, answer in zip(group, answers, strict=True)
            if answer is Said.REFUSED or (answer is Said.RETURNED and message.required)
        ]
        if not_taken:
            keys = sorted({message.routing_key for message in not_taken})
            log.error("no queue takes these events, they stay in the outbox", routing_keys=keys, count=len(not_taken))
            await self._postpone(not_taken)
        self._remember({message.id for message in group} - {message.id for message in not_taken})

    def _remember(self, confirmed: set[UUID]) -> None:
        if not confirmed:
            return
        self._confirmed += confirmed
        if self._removal is None:
            self._removal = asyncio.get_running_loop().call_later(REMOVE_WITHIN, self._remove)

    def _remove(self) -> None:
        self._removal = None
        if self._confirmed:
            self.on_confirmed()

    async def _drop_channel(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            try:
                await channel.close()
            except CONNECTION_ERRORS:
                log.debug("the channel was gone already")

    async def _postpone(self, messages: Sequence[Message]) -> None:
        """Leave the rows to the sweeper, with backoff. If the database is away, their lease ends by itself."""
        try:
            async with self.database.autocommit.begin() as connection:
                await connection.execute(
                    _POSTPONE, {"ids": [message.id for message in messages], "longest": LONGEST_BACKOFF}
                )
        except DATABASE_ERRORS as error:
            log.warning("the outbox rows wait for their lease to end", error=str(error).splitlines()[0])
