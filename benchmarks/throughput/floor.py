"""The floor: the same four steps by hand on aiormq and asyncpg, without claim, types or error handling.

What is ready is one group: one commit (log rows, projects' states, outbox rows, removal of the confirmed ones), one
multiple-ack after it, one socket write for what is published. Whoever is faster than this leaves work out.
"""

import asyncio
import os
from collections import deque
from typing import Any, cast
from uuid import UUID

import aiormq
import asyncpg
import uvloop
from aiormq.abc import ChannelFrame, DeliveredMessage
from aiormq.channel import Channel
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from benchmarks.throughput.amqp import entrance
from benchmarks.throughput.by_hand import STEP, Taken, take, values
from benchmarks.throughput.contender import Contender
from benchmarks.throughput.work import CHAIN, Link
from contracts import EVENTS_EXCHANGE

LARGEST_GROUP = 256


class _Consumer:
    """One step: its queue's deliveries, its commits, its publishes."""

    def __init__(self, link: Link, connection: asyncpg.Connection, consuming: Channel, publishing: Channel) -> None:
        self.link = link
        self.connection = connection
        self.consuming = consuming
        self.publishing = publishing
        self.deliveries: deque[DeliveredMessage] = deque()
        self.confirmed: list[UUID] = []
        self.ready = asyncio.Event()
        self.confirming: set[asyncio.Task[None]] = set()

    async def arrived(self, message: DeliveredMessage) -> None:
        self.deliveries.append(message)
        self.ready.set()

    async def run(self) -> None:
        await self.consuming.basic_qos(prefetch_count=2 * LARGEST_GROUP)
        await self.consuming.basic_consume(self.link.queue, self.arrived)
        while True:
            if not self.deliveries:
                self.ready.clear()
                await self.ready.wait()
            group = [self.deliveries.popleft() for _ in range(min(LARGEST_GROUP, len(self.deliveries)))]
            done = {each.id: each for each in (take(message.body, self.link) for message in group)}
            new = await self._commit(list(done.values()))
            await self.consuming.basic_ack(cast("int", group[-1].delivery_tag), multiple=True, wait=False)
            if self.link.says is not None:
                await self._publish([done[event_id] for event_id in new], self.link.says.routing_key())

    async def _commit(self, group: list[Taken]) -> list[UUID]:
        confirmed, self.confirmed = self.confirmed, []
        rows = await self.connection.fetch(STEP, *values(self.link, group, confirmed))
        return [row["event_id"] for row in rows]

    async def _publish(self, group: list[Taken], routing_key: str) -> None:
        channel = self.publishing
        frames: list[Any] = []
        confirmations = []
        for each in group:
            channel.delivery_tag += 1
            channel.confirmations[channel.delivery_tag] = confirmation = channel.create_future()
            confirmations.append(confirmation)
            properties = spec.Basic.Properties(delivery_mode=2, message_id=str(each.outbox_id))
            frames += (
                spec.Basic.Publish(exchange=EVENTS_EXCHANGE, routing_key=routing_key, mandatory=True),
                ContentHeader(properties=properties, body_size=len(each.next_body)),
                ContentBody(each.next_body),
            )
        await channel.write_queue.put(ChannelFrame.marshall(channel_number=channel.number, frames=frames))
        task = asyncio.create_task(self._confirm(confirmations, [each.outbox_id for each in group]))
        self.confirming.add(task)
        task.add_done_callback(self.confirming.discard)

    async def _confirm(self, confirmations: list[asyncio.Future[Any]], ids: list[UUID]) -> None:
        answers = await asyncio.gather(*confirmations)
        if not all(isinstance(answer, spec.Basic.Ack) for answer in answers):
            raise RuntimeError("the broker did not take a message")
        self.confirmed += ids


async def _serve() -> None:
    database = await asyncpg.create_pool(os.environ["VRS_DATABASE_URL"].replace("+asyncpg", ""), min_size=4)
    async with await aiormq.connect(os.environ["VRS_AMQP_URL"]) as connection, asyncio.TaskGroup() as group:
        for link in CHAIN:
            consuming, publishing = [cast("Channel", await connection.channel()) for _ in range(2)]
            group.create_task(_Consumer(link, await database.acquire(), consuming, publishing).run())


def serve() -> None:
    """Run all four steps in this process, for ever."""
    uvloop.run(_serve())


FLOOR = Contender("floor", (serve,), entrance)
