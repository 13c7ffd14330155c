"""FastStream alone: one message, one transaction, one confirmed publish, one ack. The outbox is done by hand."""

import asyncio
import os
from uuid import UUID

import asyncpg
import uvloop
from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage

from benchmarks.throughput.amqp import entrance
from benchmarks.throughput.by_hand import STEP, take, values
from benchmarks.throughput.contender import Contender
from benchmarks.throughput.work import CHAIN, Link
from contracts import EVENTS_EXCHANGE
from shared.database import asyncpg_url
from shared.messaging.topology import consumer_queue

PROCESSES = 2
CONNECTIONS = 8
PREFETCH = 32

_EXCHANGE = RabbitExchange(EVENTS_EXCHANGE, type=ExchangeType.TOPIC, durable=True)


def _subscribe(broker: RabbitBroker, pool: asyncpg.Pool, link: Link) -> None:
    confirmed: list[UUID] = []
    queue = consumer_queue(link.service, link.event)
    declared = RabbitQueue(
        queue.name, queue_type=QueueType.QUORUM, arguments=dict(queue.arguments), routing_key=link.event.routing_key()
    )

    @broker.subscriber(declared, _EXCHANGE, ack_policy=AckPolicy.MANUAL, no_reply=True)
    async def handle(message: RabbitMessage) -> None:
        """Commit, publish, ack. What was confirmed leaves the outbox with the next commit."""
        taken = take(message.body, link)
        removed = confirmed[:]
        confirmed.clear()
        new = await pool.fetch(STEP, *values(link, [taken], removed))
        if new and link.says:
            key = link.says.routing_key()
            await broker.publish(taken.next_body, routing_key=key, exchange=_EXCHANGE, persist=True, mandatory=True)
            confirmed.append(taken.outbox_id)
        await message.ack()


async def _serve() -> None:
    broker = RabbitBroker(os.environ["VRS_AMQP_URL"], logger=None, default_channel=Channel(prefetch_count=PREFETCH))
    pool = await asyncpg.create_pool(asyncpg_url(os.environ["VRS_DATABASE_URL"]), min_size=1, max_size=CONNECTIONS)
    for link in CHAIN:
        _subscribe(broker, pool, link)
    await broker.start()
    await asyncio.Event().wait()


def serve() -> None:
    """Run all four subscribers in this process, for ever."""
    uvloop.run(_serve())


CONTENDER = Contender("faststream", (serve,) * PROCESSES, entrance)
