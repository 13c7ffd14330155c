"""The run's own ear and voice on the bus: hears every event, copies, shuffles, replays dead letters.

Its queue is durable and holds each event before the broker confirms it: what was said was heard, whatever crashed.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiormq
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp import commands as spec

from contracts import CONTENT_TYPE, EVENTS, EVENTS_EXCHANGE, ServiceName
from shared.messaging.broker import CONNECTION_ERRORS
from shared.messaging.topology import TO_EXCHANGE, declare, queue_name

EAR = "chaos.heard"
logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # a broker that is away is what we are here for
CONSUMERS = {queue_name(service, event): event for event in EVENTS.values() for service in event.required_by}
"""Every consumer of ours and what it hears."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as it travelled first."""

    id: str
    type: str
    project_id: str
    cause: str | None
    correlation: str | None
    body: bytes

    @property
    def routing_key(self) -> str:
        """Where it is published."""
        return self.type.removeprefix("vrs.")


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as the operator took it out of its queue."""

    id: str
    consumer: str
    code: str
    project_id: str
    event_id: str
    died_at: str
    reason: str


@dataclass
class Bus:
    """`heard` is by event id; `different` are ids under which other bytes were heard too."""

    url: str
    heard: dict[str, Heard] = field(default_factory=dict)
    copies: Counter[str] = field(default_factory=Counter)
    different: set[str] = field(default_factory=set)
    letters: dict[str, Letter] = field(default_factory=dict)
    told: list[Callable[[Heard], None]] = field(default_factory=list)

    async def listen(self) -> None:
        """Hear everything, for ever; begin anew when the broker is gone."""
        while True:
            try:
                async with connected(self.url) as channel:
                    await channel.basic_qos(prefetch_count=500)
                    await channel.basic_consume(EAR, self._hear)
                    await asyncio.wait([asyncio.ensure_future(channel.closing)])
            except (*CONNECTION_ERRORS, RuntimeError):
                pass
            await asyncio.sleep(0.3)

    async def _hear(self, message: DeliveredMessage) -> None:
        said = json.loads(message.body)
        event = Heard(
            said["id"], said["type"], said["subject"], said.get("causationid"), said.get("correlationid"), message.body
        )
        self.copies[event.id] += 1
        known = self.heard.setdefault(event.id, event)
        if known is event:
            for tell in self.told:
                tell(event)
        elif known.body != event.body:
            self.different.add(event.id)
        if message.delivery_tag is not None:
            await message.channel.basic_ack(message.delivery_tag)

    async def copy(self, random: Random, *, count: int, old: bool) -> None:
        """Publish copies of events that were heard, to all or to one of their consumers, in any order."""
        events = list(self.heard.values())
        chosen = random.choices(events if old else events[-50:], k=count) if events else []
        async with connected(self.url) as channel:
            for event in chosen:
                consumers = [name for name, heard in CONSUMERS.items() if heard.type == event.type]
                if consumers and random.random() < 0.3:
                    await _say(channel, TO_EXCHANGE, random.choice(consumers), event.body, {"event-id": event.id})
                else:
                    await _say(channel, EVENTS_EXCHANGE, event.routing_key, event.body, {"event-id": event.id})

    async def shuffle(self, random: Random, *, queue: str, most: int, seconds: float) -> None:
        """Take what lies in a queue, hold it for a while, give it back in another order."""
        async with connected(self.url) as channel:
            tags: list[int] = []
            try:
                async with asyncio.timeout(seconds):
                    while len(tags) < most:
                        message = await channel.basic_get(queue)
                        if message.delivery_tag is None:
                            await asyncio.sleep(0.01)
                        else:
                            tags.append(message.delivery_tag)
            except TimeoutError:
                pass
            random.shuffle(tags)
            for tag in tags:
                await channel.basic_nack(tag, requeue=True)

    async def replay(self) -> int:
        """Send each dead letter back to the consumer that it died in, as `vrs` and shovels do; return how many."""
        replayed = 0
        async with connected(self.url) as channel:
            for service in ServiceName:
                if service is ServiceName.MARKETPLACE:
                    continue
                while True:
                    message = await channel.basic_get(f"{service}.dead")
                    if message.delivery_tag is None:
                        break
                    headers: dict[str, Any] = dict(message.header.properties.headers or {})
                    self._note(message, headers)
                    await _say(channel, TO_EXCHANGE, headers["vrs-consumer"], message.body, headers)
                    await channel.basic_ack(message.delivery_tag)
                    replayed += 1
        return replayed

    def _note(self, message: DeliveredMessage, headers: dict[str, Any]) -> None:
        letter_id = str(message.header.properties.message_id)
        names = ("vrs-consumer", "vrs-code", "vrs-project", "event-id", "vrs-died-at", "vrs-reason")
        self.letters[letter_id] = Letter(letter_id, *(str(headers.get(name, "")) for name in names))

    async def depths(self) -> dict[str, int]:
        """How many messages lie in each queue of ours."""
        queues = [*CONSUMERS, EAR, *(f"{s}.dead" for s in ServiceName if s is not ServiceName.MARKETPLACE)]
        async with connected(self.url) as channel:
            found = {queue: await channel.queue_declare(queue, passive=True) for queue in queues}
        return {queue: declared.message_count or 0 for queue, declared in found.items()}


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AbstractChannel]:
    """Give a channel with publisher confirms."""
    connection = await aiormq.connect(url)
    try:
        yield await connection.channel()
    finally:
        await connection.close()


async def prepare(url: str) -> None:
    """Declare the ear, so that it hears from the first event on."""
    async with connected(url) as channel:
        await declare(channel, ())
        await channel.queue_declare(EAR, durable=True, arguments={"x-queue-type": "quorum"})
        await channel.queue_bind(EAR, EVENTS_EXCHANGE, "#")


async def _say(channel: AbstractChannel, exchange: str, key: str, body: bytes, headers: dict[str, Any]) -> None:
    properties = spec.Basic.Properties(delivery_mode=2, content_type=CONTENT_TYPE, headers=headers)
    confirmed = await channel.basic_publish(
        body, exchange=exchange, routing_key=key, properties=properties, mandatory=True
    )
    assert confirmed is not None
