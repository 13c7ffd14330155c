"""Reads the dead-letter queues and leaves them as they were: every letter there, in its order.

A letter that is held is hidden from everybody else, so there is one desk at a time: whoever finds another at it, or a
consumer on a queue, waits a moment, then does without. Quorum queues know no exclusive consumers, hence the lock.

What keeps the order, measured on RabbitMQ 3.10 with 10,000 letters: closing the channel gives them back as they lay;
``basic.nack`` of many at once shuffles them. Without a prefetch a quorum queue delivers 2,000 and stops.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from aiormq.exceptions import AMQPError, ChannelLockedResource, ChannelNotFoundEntity

from contracts import ServiceName
from shared.dead_letters.letter import Letter, read_letter

LOCK = "vrs.desk"
"""An exclusive queue: it lives as long as the connection of the desk that holds letters, and there is only one."""

MOST = 65_535
"""The largest prefetch there is: so many letters of a queue are read."""

SILENCE = 10.0
"""Seconds without a letter after which those that were counted and did not come are taken as held by somebody else.

A broker under load needs more than one to begin.
"""

PATIENCE = 5.0
LOOK_AGAIN = 0.2
CLOSE_TIMEOUT = 5.0


class BrokerAwayError(Exception):
    """RabbitMQ does not answer, or the connection was lost."""


@dataclass(slots=True)
class Held:
    """Letters in hand, oldest first in each queue. `busy` names queues of which somebody else holds all or some."""

    connection: AbstractConnection
    letters: list[Letter] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    channels: dict[str, AbstractChannel] = field(default_factory=dict)

    async def remove(self, letters: Iterable[Letter]) -> None:
        """Take letters out of their queues for good. A crash before that leaves them there."""
        for letter in letters:
            await self.channels[letter.queue].basic_ack(letter.tag, wait=False)


@asynccontextmanager
async def holding(
    amqp_url: str, services: Sequence[ServiceName] = tuple(ServiceName), *, bodies: bool = True, lock: bool = True
) -> AsyncIterator[Held]:
    """Hold every letter of these services' queues; on leaving, all that was not removed lies where it lay.

    Without `bodies` they are forgotten at once, which saves memory. Without `lock` nobody else is kept away from the
    desk meanwhile: for a service that may read these queues, and not declare the lock.

    Raises:
        BrokerAwayError: see there; of the block's own AMQP errors as well.

    """
    try:
        async with AsyncExitStack() as stack:
            connection = await aiormq.connect(amqp_url)
            stack.push_async_callback(connection.close)
            held = Held(connection)
            queues = [f"{service}.dead" for service in services]
            if queues and lock and not await _locked(connection):
                held.busy += queues
                queues = []
            for queue in queues:
                await _read(stack, held, queue, bodies=bodies)
            yield held
    except (AMQPError, OSError, aiormq.exceptions.ChannelInvalidStateError) as error:
        raise BrokerAwayError(f"RabbitMQ at VRS_AMQP_URL: {str(error) or type(error).__name__}") from error


async def _locked(connection: AbstractConnection) -> bool:
    """Take the lock; false if another desk does not let go of it."""
    waited = 0.0
    while True:
        channel = await connection.channel()
        try:
            await channel.queue_declare(LOCK, exclusive=True)
        except ChannelLockedResource:
            if waited >= PATIENCE:
                return False
        else:
            await channel.close()
            return True
        waited += LOOK_AGAIN
        await asyncio.sleep(LOOK_AGAIN)


async def _read(stack: AsyncExitStack, held: Held, queue: str, *, bodies: bool) -> None:
    channel = await held.connection.channel()
    try:
        there = await _free(channel, queue)
    except ChannelNotFoundEntity:  # the service has never run here
        return
    if there is None:
        held.busy.append(queue)
        await channel.close()
        return
    if there == 0:
        await channel.close()
        return
    stack.push_async_callback(_give_back, channel)
    held.channels[queue] = channel
    await channel.basic_qos(prefetch_count=MOST)
    arrivals = _Arrivals(queue, there, bodies=bodies)
    await channel.basic_consume(queue, arrivals.arrived)
    await arrivals.wait()
    held.letters += arrivals.letters
    if len(arrivals.letters) < arrivals.expected:
        held.busy.append(queue)


async def _free(channel: AbstractChannel, queue: str) -> int | None:
    """How many letters lie in the queue; None if another desk does not let go of it."""
    waited = 0.0
    while True:
        declared = await channel.queue_declare(queue, passive=True)
        if not declared.consumer_count:
            return declared.message_count or 0
        if waited >= PATIENCE:
            return None
        waited += LOOK_AGAIN
        await asyncio.sleep(LOOK_AGAIN)


async def _give_back(channel: AbstractChannel) -> None:
    with suppress(AMQPError, OSError, TimeoutError, aiormq.exceptions.ChannelInvalidStateError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await channel.close()


class _Arrivals:
    """Collects what is delivered until so many are there as were counted."""

    def __init__(self, queue: str, expected: int, *, bodies: bool) -> None:
        self.letters: list[Letter] = []
        self._queue = queue
        self.expected = min(expected, MOST)
        self._bodies = bodies
        self._all_there = asyncio.Event()
        self._read = partial(read_letter, queue=queue)

    async def arrived(self, message: DeliveredMessage) -> None:
        """Of aiormq, once for each delivery. What comes after the counted ones is given back with the rest."""
        if self._all_there.is_set() or message.delivery_tag is None:
            return
        properties = message.header.properties
        letter = self._read(
            tag=message.delivery_tag,
            routing_key=message.routing_key or self._queue,
            message_id=properties.message_id,
            headers=properties.headers or {},
            body=message.body,
        )
        self.letters.append(letter if self._bodies else replace(letter, body=b""))
        if len(self.letters) >= self.expected:
            self._all_there.set()

    async def wait(self) -> None:
        """Return when all are there, or when no more come."""
        before = -1
        while not self._all_there.is_set() and before != len(self.letters):
            before = len(self.letters)
            with suppress(TimeoutError):
                async with asyncio.timeout(SILENCE):
                    await self._all_there.wait()
        self._all_there.set()
