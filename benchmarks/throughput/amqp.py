"""The way in over AMQP: the project's own topology, orders published in groups with confirms."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import aiormq
from aiormq.channel import Channel

from benchmarks.throughput.contender import Put
from benchmarks.throughput.work import CHAIN
from contracts import CloudEvent, ProjectOrdered
from ops.stack import Stack
from shared.messaging.publish import Said, publish
from shared.messaging.topology import consumer_queue, dead_queue, declare
from shared.outbox import said

AT_ONCE = 256


@asynccontextmanager
async def entrance(stack: Stack) -> AsyncIterator[Put]:
    """Declare the four queues and publish `ProjectOrdered` as the marketplace does."""
    async with await aiormq.connect(stack.amqp_url) as connection:
        channel = cast("Channel", await connection.channel(on_return_raises=False))
        await declare(
            channel,
            [q for link in CHAIN for q in (consumer_queue(link.service, link.event), dead_queue(link.service))],
        )

        async def put(orders: Sequence[CloudEvent[ProjectOrdered]]) -> None:
            for start in range(0, len(orders), AT_ONCE):
                answers = await publish(channel, [said(order) for order in orders[start : start + AT_ONCE]])
                if set(answers) != {Said.TAKEN}:
                    raise RuntimeError("RabbitMQ did not take the orders")

        yield put
