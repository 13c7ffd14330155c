"""Takes messages from one queue to another: published and confirmed first, then acked. Nothing is ever only in memory.

If it is interrupted in between, a group stands in both queues. Whoever goes on hands `drain` what the target holds
already (`contents`), and those are only acked.
"""

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from pamqp import commands as spec

from ops.topology.real import channel_of, counts

GROUP = 100
MOST = 65_535
"""The largest prefetch there is. Without one a quorum queue delivers 2,000 messages and stops."""

SILENCE = 10.0
PERSISTENT = 2

KEY = "vrs-moved-key"
"""Header of a message that is under way: its routing key, which publishing it to the second queue would lose."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go: without an exchange to the queue `key`, to come back later; else home, by `key` or theirs."""

    exchange: str
    key: str | None

    @property
    def home(self) -> bool:
        """Whether messages arrive where they will stay."""
        return bool(self.exchange)


async def drain(
    connection: AbstractConnection, source: str, target: Target, held: Counter[bytes], *, settle: float
) -> int:
    """Move all of `source` in its order, until nothing has come for `settle` seconds; return how many were moved.

    What `held` counts is there already: it is acked and taken out of `held`.

    Raises:
        aiormq.exceptions.AMQPError, ConnectionError: what is not acked stays in `source`.

    """
    moved = 0
    async with channel_of(connection) as taking, channel_of(connection) as saying:
        await taking.basic_qos(prefetch_count=GROUP)
        arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        consumer = await taking.basic_consume(source, arrived.put)
        while group := await _next_group(arrived, settle):
            new = []
            for message in group:
                if held[identity(message)]:
                    held[identity(message)] -= 1
                else:
                    new.append(message)
            await asyncio.gather(*(_say(saying, message, target) for message in new))
            await taking.basic_ack(group[-1].delivery_tag or 0, multiple=True)
            moved += len(new)
        await taking.basic_cancel(consumer.consumer_tag or "")  # answered when it no longer counts as a consumer
    return moved


async def contents(connection: AbstractConnection, name: str) -> Counter[bytes]:
    """Say which messages `name` holds, and leave them there. Only for queues that nobody works on."""
    counted = await counts(connection, name)
    held: Counter[bytes] = Counter()
    left = 0 if counted is None else counted.message_count or 0
    channels: list[AbstractChannel] = []
    try:
        while left > 0:
            channels.append(await connection.channel())
            await _count(channels[-1], name, min(left, MOST), held)
            left -= MOST
    finally:
        for channel in channels:  # each gives its messages back as they lay, the first ones first
            await channel.close()
    return held


async def _count(channel: AbstractChannel, name: str, there: int, held: Counter[bytes]) -> None:
    arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
    await channel.basic_qos(prefetch_count=MOST)
    consumer = await channel.basic_consume(name, arrived.put)
    for _ in range(there):
        try:
            held[identity(await asyncio.wait_for(arrived.get(), timeout=SILENCE))] += 1
        except TimeoutError:  # somebody else has taken it meanwhile
            break
    await channel.basic_cancel(consumer.consumer_tag or "")


def identity(message: DeliveredMessage) -> bytes:
    """What tells a message from another: its bytes, and its headers but for what brokers and moves change."""
    headers = {
        name: value
        for name, value in (message.header.properties.headers or {}).items()
        if not name.startswith("x-") and name != KEY
    }
    return hashlib.sha256(message.body + repr(sorted(headers.items())).encode()).digest()


async def _next_group(arrived: asyncio.Queue[DeliveredMessage], settle: float) -> list[DeliveredMessage]:
    try:
        group = [await asyncio.wait_for(arrived.get(), timeout=settle)]
    except TimeoutError:
        return []
    while not arrived.empty() and len(group) < GROUP:
        group.append(arrived.get_nowait())
    return group


async def _say(channel: AbstractChannel, message: DeliveredMessage, target: Target) -> None:
    properties: spec.Basic.Properties = message.header.properties
    key = message.routing_key or ""
    headers: dict[str, Any] = dict(properties.headers or {})
    headers.pop("x-delivery-count", None)  # the broker counts anew, whatever it is told
    if target.home:
        key = headers.pop(KEY, key)
    else:
        headers[KEY] = key
    properties.headers = headers
    properties.delivery_mode = PERSISTENT
    await channel.basic_publish(
        message.body,
        exchange=target.exchange,
        routing_key=target.key or key,
        properties=properties,
        mandatory=True,
    )
