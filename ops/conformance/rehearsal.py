"""Rehearses with a consumer: sends the stream to its queue, case by case, and observes what becomes of it.

AMQP does not tell a publisher of acks. What can be seen from outside: the queue's depth, how many consume from it,
the answers of a consumer that gives them, dead letters if their queue is named, and, by consuming from the queue
ourselves with a higher priority, whatever is put back or was never taken. What we get that way is ours to remove.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity
from pamqp import commands as spec

from contracts import CONTENT_TYPE, EVENTS, ServiceName
from ops.conformance.stream import Case, Outcome, Sent
from ops.conformance.verdict import Observed, Verdict, judge
from ops.failure import CommandError
from shared.messaging.topology import dead_queue, queue_name

EXPIRES_AFTER = 600_000
"""Milliseconds. What a consumer still holds when we end cannot be removed; put back later, it expires by itself."""

LOOK_EVERY = 0.1
CATCH_FOR = 0.5
"""Seconds in which a message that is put back comes to us."""

PRIORITY = 100

OUR_QUEUES = frozenset(
    {
        *(dead_queue(service).name for service in ServiceName),
        *(queue_name(service, event) for service in ServiceName for event in EVENTS.values()),
    }
)


@dataclass(slots=True)
class Rehearsal:
    """One rehearsal over an open connection. `within`: seconds in which a case has to be done.

    `dead_letters` is the queue in which the consumer's dead letters end, if there is one and it is empty.
    """

    connection: AbstractConnection
    queue: str
    within: float
    dead_letters: str | None = None
    observed: dict[str, Observed] = field(default_factory=dict)
    answers: str = ""

    async def check(self, *, force: bool) -> None:
        """Refuse what must not be rehearsed with.

        Raises:
            CommandError: it is a queue of the system itself, there is none, it has messages, or nobody consumes.

        """
        for name in filter(None, (self.queue, self.dead_letters)):
            if name in OUR_QUEUES:
                raise CommandError(
                    f"{name} is a queue of this system: its service would act on made-up events", exit_code=2
                )
            ready, consumers = await self._depth(name)
            if ready and not (force and name == self.queue):
                hint = "; --force rehearses all the same" if name == self.queue else ""
                raise CommandError(f"{name} has {ready} messages waiting: empty it first{hint}")
            if name == self.queue and not consumers:
                raise CommandError(f"nobody consumes from {name}: start your consumer first")

    async def play(self, cases: Sequence[Case]) -> AsyncIterator[Verdict]:
        """Play case after case; give each one's verdict. A consumer that is gone is waited for, `within` at most."""
        channel = await self.connection.channel()
        declared = await channel.queue_declare(exclusive=True)
        self.answers = declared.queue or ""
        await channel.basic_consume(self.answers, self._hear, no_ack=True)
        answering = True
        for case in cases:
            keys = [await self._send(channel, message) for message in case.messages]
            await self._settle(keys, answering=answering)
            gone = not (await self._depth(self.queue))[1]
            async with self._catching():
                await asyncio.sleep(CATCH_FOR)
            await self._take_dead_letters()
            observed = [self.observed[key] for key in keys]
            answering = any(each.answers for each in observed)
            yield judge(case, observed, gone=gone)
            if gone and not await self._comes_back():
                return

    async def unacked(self) -> int:
        """Wait until the consumer has been stopped, then count what it had taken and never acked.

        Raises:
            TimeoutError: it was not stopped within a minute.

        """
        for each in self.observed.values():
            each.put_back = False
        async with asyncio.timeout(60), self._catching() as caught:
            while (await self._depth(self.queue))[1] > caught.consumers:  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(LOOK_EVERY)
            await asyncio.sleep(CATCH_FOR)
        return sum(each.put_back for each in self.observed.values())

    async def _send(self, channel: AbstractChannel, message: Sent) -> str:
        key = str(uuid4())
        self.observed[key] = Observed()
        properties = spec.Basic.Properties(
            content_type=CONTENT_TYPE,
            delivery_mode=2,
            message_id=key,
            message_type=message.type,
            reply_to=self.answers,
            expiration=str(EXPIRES_AFTER),
            headers={"event-id": str(message.event), "type": message.type},
        )
        await channel.basic_publish(message.body, routing_key=self.queue, properties=properties, mandatory=True)
        return key

    async def _settle(self, keys: Sequence[str], *, answering: bool) -> None:
        """Wait until all is taken and answered; for answers only as long as the consumer gives any."""
        deadline = time.monotonic() + self.within
        while time.monotonic() < deadline:
            ready, consumers = await self._depth(self.queue)
            if not consumers:
                return
            answered = all(self.observed[key].has_answered for key in keys)
            if not ready and (answered or not answering):
                return
            await asyncio.sleep(LOOK_EVERY)

    async def _comes_back(self) -> bool:
        deadline = time.monotonic() + self.within
        while time.monotonic() < deadline:
            if (await self._depth(self.queue))[1]:
                return True
            await asyncio.sleep(LOOK_EVERY)
        return False

    async def _hear(self, message: DeliveredMessage) -> None:
        observed = self.observed.get(str(message.header.properties.correlation_id))
        if observed is None:
            return  # an answer to nothing of ours
        try:
            observed.answers.append(Outcome(json.loads(message.body)["outcome"]))
        except (ValueError, TypeError, KeyError):
            observed.unreadable += 1

    @asynccontextmanager
    async def _catching(self) -> "AsyncIterator[_Caught]":
        """Get what is or comes into the queue before its consumer does; give back the messages that are not ours."""
        channel = await self.connection.channel()
        caught = _Caught()

        async def take(message: DeliveredMessage) -> None:
            known = self.observed.get(str(message.header.properties.message_id))
            if known is None:
                caught.of_others.append(message.delivery_tag or 0)
                return
            known.put_back |= bool(message.redelivered)
            known.not_taken |= not message.redelivered
            await channel.basic_ack(message.delivery_tag or 0)

        try:
            started = await channel.basic_consume(self.queue, take, arguments={"x-priority": PRIORITY})
            caught.consumers = 1
            yield caught
            await channel.basic_cancel(started.consumer_tag or "")
            for tag in caught.of_others:
                await channel.basic_nack(tag, requeue=True)
        except ChannelAccessRefused:  # its consumer is exclusive: what it puts back only it can see
            yield caught
        finally:
            if not channel.is_closed:
                await channel.close()

    async def _take_dead_letters(self) -> None:
        if self.dead_letters is None:
            return
        channel = await self.connection.channel()
        while True:
            message = await channel.basic_get(self.dead_letters)
            if not isinstance(message.delivery, spec.Basic.GetOk):
                break
            known = self.observed.get(str(message.header.properties.message_id))
            if known is None:  # somebody else's: it goes back when the channel closes
                continue
            known.dead = True
            await channel.basic_ack(message.delivery.delivery_tag or 0)
        await channel.close()

    async def _depth(self, queue: str) -> tuple[int, int]:
        """How many messages are ready in `queue`, and how many consumers it has."""
        channel = await self.connection.channel()
        try:
            declared = await channel.queue_declare(queue, passive=True)
        except ChannelNotFoundEntity as error:
            raise CommandError(f"there is no queue {queue}: start your consumer first, it declares it") from error
        await channel.close()
        return declared.message_count or 0, declared.consumer_count or 0


@dataclass(slots=True)
class _Caught:
    """`consumers` is how many of the queue's consumers are ours; `of_others` the deliveries to give back."""

    consumers: int = 0
    of_others: list[int] = field(default_factory=list)
