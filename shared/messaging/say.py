"""Says what is committed: publishes outbox rows in groups and remembers what the broker confirmed.

A row is removed with the next commit, or within half a second. What is not confirmed stays in the outbox; when its
lease has ended, the sweeper of the service that owns it says it again, on another channel.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from uuid import UUID

import structlog
from aiormq.channel import Channel
from sqlalchemy import text

from contracts import ServiceName
from shared import tracing
from shared.crash_points import CrashPoint, reached
from shared.database import Database
from shared.messaging.broker import CLOSE_TIMEOUT, CONNECTION_ERRORS, ServiceBroker, is_cancelled
from shared.messaging.publish import Said, publish
from shared.messaging.settle import OUTBOX_LEASE
from shared.messaging.trouble import DATABASE_ERRORS, reason_of
from shared.metrics import KERNEL
from shared.outbox import Message
from shared.transaction import Statement, each_alone

log = structlog.get_logger(__name__)

LARGEST_GROUP = 256
SWEEP_AT_MOST = 500
REMOVE_WITHIN = 0.5
LONGEST_BACKOFF = 60.0
LOOK_FOR_OLD_EVERY = 5.0

SWEEP = Statement("""
    WITH due AS MATERIALIZED (
        SELECT ctid FROM outbox WHERE owner = :owner AND lease_until <= statement_timestamp()
        ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
    )
    UPDATE outbox o SET lease_until = clock_timestamp() + make_interval(secs => :lease), attempts = o.attempts + 1
    WHERE o.ctid = ANY (ARRAY(SELECT ctid FROM due))
    RETURNING o.id, o.exchange, o.routing_key, o.body, o.headers, o.required
""")

_POSTPONE = text("""
    UPDATE outbox SET lease_until = clock_timestamp()
                      + make_interval(secs => least(:longest, 0.5 * power(2, least(attempts, 10))))
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")

_OLD = text("""
    SELECT routing_key, count(*) AS many, extract(epoch FROM clock_timestamp() - min(created_at)) AS age
    FROM outbox WHERE owner = :owner AND created_at < statement_timestamp() - make_interval(secs => :old_after)
    GROUP BY routing_key ORDER BY routing_key
""")


class Speaker:
    """Publishes for one service. `on_confirmed` is called when confirms have waited for `REMOVE_WITHIN`.

    `unsaid` names what has stood in the outbox for longer than `old_after` seconds, as it was seen some seconds ago.
    """

    def __init__(self, owner: ServiceName, database: Database, broker: ServiceBroker, old_after: float) -> None:
        self.owner = owner
        self.old_after = old_after
        self.unsaid: str | None = None
        self._trouble: str | None = None
        self.database = database
        self.broker = broker
        self.on_confirmed: Callable[[], None] = lambda: None
        self._rows: deque[Message] = deque()
        self._in_hand: set[UUID] = set()
        self._confirmed: list[UUID] = []
        self._removal: asyncio.TimerHandle | None = None
        self._ready = asyncio.Event()
        self._channel: Channel | None = None
        self._looked_for_old = -LOOK_FOR_OLD_EVERY

    def say(self, messages: Iterable[Message]) -> None:
        """Publish committed rows as soon as possible. One that is in hand already is not said twice."""
        new = [message for message in messages if message.id not in self._in_hand]
        if new:
            self._in_hand.update(message.id for message in new)
            self._rows += new
            self._ready.set()

    def take_confirmed(self) -> list[UUID]:
        """Hand over what may be removed from the outbox; `give_back` or `forget` it afterwards."""
        confirmed, self._confirmed = self._confirmed, []
        return confirmed

    def give_back(self, confirmed: list[UUID]) -> None:
        """The removal was not committed: it is asked for again."""
        self._remember(confirmed)

    def forget(self, rows: Iterable[UUID]) -> None:
        """The rows are no longer ours to say: removed, or left to the sweeper."""
        self._in_hand.difference_update(rows)

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be said or removed."""
        return not self._in_hand

    async def run(self) -> None:
        """Say group after group, for ever."""
        while True:
            if not self._rows:
                self._ready.clear()
                await self._ready.wait()
            group = [self._rows.popleft() for _ in range(min(LARGEST_GROUP, len(self._rows)))]
            await self._say(group)

    async def sweep(self) -> None:
        """Take the rows of this service whose lease has ended, and say them again."""
        async with each_alone(self.database) as transaction:
            rows = await transaction.rows(SWEEP, owner=self.owner.value, lease=OUTBOX_LEASE, most=SWEEP_AT_MOST)
            found = [Message(**row) for row in rows]
            reached(CrashPoint.SWEEP_WRITTEN, found)
        reached(CrashPoint.SWEPT, found)
        self.say(found)
        if time.monotonic() - self._looked_for_old >= LOOK_FOR_OLD_EVERY:
            await self._look_for_old()
            self._looked_for_old = time.monotonic()

    async def _look_for_old(self) -> None:
        """Whatever their contract requires: what nobody must hear does not stay, once RabbitMQ has answered."""
        async with self.database.autocommit.begin() as connection:
            rows = (await connection.execute(_OLD, {"owner": self.owner.value, "old_after": self.old_after})).all()
        keys = ", ".join(f"{row.many} {row.routing_key}" for row in rows)
        age = max((row.age for row in rows), default=0)
        self._trouble = self._trouble if rows else None
        why = self._trouble or "see `vrs doctor --queues`"
        self.unsaid = f"RabbitMQ has not taken for {age:.0f} s: {keys}; {why}" if rows else None

    async def _say(self, group: list[Message]) -> None:
        try:
            answers = await self._publish(group)
            KERNEL.published(self.owner, group)
            tracing.said(group)
            reached(CrashPoint.CONFIRMED, group)
        except Exception as error:  # noqa: BLE001 - rows that others wrote may hold anything
            # Any of them may have arrived: the same id must not be in flight twice on one channel.
            await self._drop_channel()
            if len(group) > 1 and not isinstance(error, OSError | TimeoutError):
                for message in group:  # one row with a wrong exchange or broken headers must not hold up the others
                    await self._say([message])
                return
            self._trouble = reason_of(error)
            log.warning("saying is interrupted", group=len(group), error=self._trouble)
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

    async def _publish(self, group: list[Message]) -> list[Said]:
        try:
            channel = await self._open_channel()
            reached(CrashPoint.BEFORE_PUBLISH, group)
            return await publish(channel, group)
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            raise ConnectionError("the connection was lost") from error

    def _remember(self, confirmed: Collection[UUID]) -> None:
        self._confirmed += confirmed
        if confirmed and self._removal is None:
            self._removal = asyncio.get_running_loop().call_later(REMOVE_WITHIN, self.remove_confirmed)

    def remove_confirmed(self) -> None:
        """Have what is confirmed removed now."""
        self._removal = None
        if self._confirmed:
            self.on_confirmed()

    async def _open_channel(self) -> Channel:
        if self._channel is None or self._channel.is_closed:
            await self.broker.declare()  # whoever must listen has a queue before the first publish
            self._channel = await self.broker.open_publishing_channel()
        return self._channel

    async def _drop_channel(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            with suppress(*CONNECTION_ERRORS):
                await channel.close(timeout=CLOSE_TIMEOUT)

    async def _postpone(self, messages: Sequence[Message]) -> None:
        """Leave the rows to the sweeper, with backoff. If the database is away, their lease ends by itself."""
        ids = [message.id for message in messages]
        try:
            async with self.database.autocommit.begin() as connection:
                await connection.execute(_POSTPONE, {"ids": ids, "longest": LONGEST_BACKOFF})
        except DATABASE_ERRORS as error:
            log.warning("the outbox rows wait for their lease to end", error=reason_of(error))
        self.forget(ids)
