"""faststream-outbox: the event is published with the step's transaction; a relay takes it to RabbitMQ."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvloop
from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage
from faststream_outbox import OutboxBroker, make_outbox_table
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from benchmarks.throughput.amqp import entrance as amqp_entrance
from benchmarks.throughput.by_hand import NAMED_STEP, named, take, values
from benchmarks.throughput.contender import Contender, Put
from benchmarks.throughput.work import CHAIN, Link
from contracts import EVENTS_EXCHANGE
from ops.stack import Stack
from shared.database import asyncpg_url
from shared.messaging.topology import consumer_queue

PROCESSES = 2
CONNECTIONS = 20
PREFETCH = 32
WORKERS = 8
BATCH = 100
POLL_EVERY = 0.02

_METADATA = MetaData()
_TABLE = make_outbox_table(_METADATA, table_name="relayed")
_EXCHANGE = RabbitExchange(EVENTS_EXCHANGE, type=ExchangeType.TOPIC, durable=True)
_STEP = text(NAMED_STEP)


def _engine(url: str) -> AsyncEngine:
    address = asyncpg_url(url).replace("postgresql://", "postgresql+asyncpg://", 1)
    return create_async_engine(address, pool_size=CONNECTIONS)


def _subscribe(rabbit: RabbitBroker, outbox: OutboxBroker, engine: AsyncEngine, link: Link) -> None:
    queue = consumer_queue(link.service, link.event)
    declared = RabbitQueue(
        queue.name, queue_type=QueueType.QUORUM, arguments=dict(queue.arguments), routing_key=link.event.routing_key()
    )

    @rabbit.subscriber(declared, _EXCHANGE, ack_policy=AckPolicy.MANUAL, no_reply=True)
    async def handle(message: RabbitMessage) -> None:
        taken = take(message.body, link)
        async with engine.begin() as connection:
            new = await connection.execute(_STEP, named(values(link, [taken], [], outbox=False)))
            if link.says and new.all():
                await outbox.publish(taken.next_body, queue=link.says.routing_key(), session=connection)
        await message.ack()

    if link.says is None:
        return
    key = link.says.routing_key()

    @outbox.subscriber(
        key,
        max_workers=WORKERS,
        fetch_batch_size=BATCH,
        min_fetch_interval=POLL_EVERY,
        max_fetch_interval=POLL_EVERY,
        terminal_flush_batch_size=BATCH,
    )
    async def relay(body: dict[str, Any]) -> None:
        await rabbit.publish(body, routing_key=key, exchange=_EXCHANGE, persist=True, mandatory=True)


async def _serve() -> None:
    engine = _engine(os.environ["VRS_DATABASE_URL"])
    rabbit = RabbitBroker(os.environ["VRS_AMQP_URL"], logger=None, default_channel=Channel(prefetch_count=PREFETCH))
    outbox = OutboxBroker(engine, outbox_table=_TABLE, logger=None)
    for link in CHAIN:
        _subscribe(rabbit, outbox, engine, link)
    await rabbit.start()
    await outbox.start()
    await asyncio.Event().wait()


def serve() -> None:
    """Run subscribers and relays in this process, for ever."""
    uvloop.run(_serve())


@asynccontextmanager
async def _entrance(stack: Stack) -> AsyncIterator[Put]:
    engine = _engine(stack.database_url)
    async with engine.begin() as connection:
        await connection.run_sync(_METADATA.create_all)
    await engine.dispose()
    async with amqp_entrance(stack) as put:
        yield put


CONTENDER = Contender("faststream-outbox", (serve,) * PROCESSES, _entrance)
