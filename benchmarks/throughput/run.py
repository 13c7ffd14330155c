"""One run: the services are ready, the clock starts, the orders are published; it stops at the last row."""

import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import cast

import aiormq
import uvloop
from aiormq.channel import Channel
from sqlalchemy import text

from benchmarks.throughput.ours import BUILDS
from benchmarks.throughput.usage import processes, seconds, tree
from benchmarks.throughput.work import exactness, finished, know, make_orders
from contracts import AppDeployed, CloudEvent, CoreHealthy, DnsConfigured, ProjectOrdered, ServiceName
from ops.schema import upgrade
from ops.stack import Stack
from shared.database import Database, open_database
from shared.messaging.publish import publish
from shared.messaging.run import run
from shared.messaging.topology import consumer_queue, dead_queue, declare
from shared.outbox import said
from shared.settings import Settings, load

PUBLISH_AT_ONCE = 256
QUEUES = [
    queue
    for service, event in (
        (ServiceName.DNS, ProjectOrdered),
        (ServiceName.DEPLOY, DnsConfigured),
        (ServiceName.BOOTSTRAP, AppDeployed),
        (ServiceName.NOTIFY, CoreHealthy),
    )
    for queue in (consumer_queue(service, event), dead_queue(service))
]
STUCK_AFTER = 120.0


@dataclass(frozen=True, slots=True)
class Result:
    """`orders_per_second` through all four steps; CPU in milliseconds an order; memory in MB, the largest process."""

    orders_per_second: float
    cpu_client: float
    cpu_database: float
    cpu_broker: float
    memory: float


def _serve(names: list[ServiceName], settings: dict[str, str], log: Path) -> None:
    os.environ.update(settings)
    with log.open("ab") as sink:
        os.dup2(sink.fileno(), sys.stdout.fileno())
        os.dup2(sink.fileno(), sys.stderr.fileno())

    async def together() -> None:
        await asyncio.gather(*(run(BUILDS[name]) for name in names))

    uvloop.run(together())


@contextmanager
def services(settings: dict[str, str], logs: Path, *, one_process: bool) -> Iterator[list[SpawnProcess]]:
    """Run the four services, in a process each or all in one, as long as the block runs."""
    context = multiprocessing.get_context("spawn")
    groups = [list(BUILDS)] if one_process else [[name] for name in BUILDS]
    running = [
        context.Process(target=_serve, args=(names, settings, logs / f"{names[0]}.log"), daemon=True)
        for names in groups
    ]
    for process in running:
        process.start()
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.join(20)


async def measure(stack: Stack, orders: int, logs: Path, *, one_process: bool) -> Result:
    """Put `orders` into the first queue, start the clock with the services ready, return what it took.

    Raises:
        RuntimeError: the run was not exact or got stuck.

    """
    settings = {
        "VRS_AMQP_URL": stack.amqp_url,
        "VRS_DATABASE_URL": stack.database_url,
        "VRS_LOG_FORMAT": "json",
    }
    os.environ.update(settings)
    database = open_database(load(Settings), application_name="benchmark")
    await upgrade(database.engine)
    work = make_orders(orders)
    await know(database, work)
    postmaster = await _postmaster(database)
    broker = stack.node.pid if stack.node else 0
    with services(settings, logs, one_process=one_process) as running:
        async with await aiormq.connect(stack.amqp_url) as connection:
            channel = cast("Channel", await connection.channel(on_return_raises=False))
            await declare(channel, QUEUES)
            await _until_subscribed(channel)
            pids = [process.pid or 0 for process in running]
            before = [sum(map(seconds, pids)), seconds(postmaster), seconds(broker)]
            began = time.monotonic()
            await _publish_all(channel, work)
            await _until_finished(database, orders)
            took = time.monotonic() - began
            after = [sum(map(seconds, pids)), seconds(postmaster), seconds(broker)]
            memory = max(process.resident for pid in pids for process in tree(pid))
    problem = (await exactness(database)).problem(orders)
    await database.engine.dispose()
    if problem:
        raise RuntimeError(f"the run was not exact: {problem}")
    client, backend, bus = (1000 * (late - early) / orders for early, late in zip(before, after, strict=True))
    return Result(orders / took, client, backend, bus, memory / 1e6)


async def _publish_all(channel: Channel, work: list[CloudEvent[ProjectOrdered]]) -> None:
    for start in range(0, len(work), PUBLISH_AT_ONCE):
        await publish(channel, [said(order) for order in work[start : start + PUBLISH_AT_ONCE]])


async def _until_subscribed(channel: Channel) -> None:
    deadline = time.monotonic() + STUCK_AFTER
    while time.monotonic() < deadline:
        answers = [await channel.queue_declare(queue.name, passive=True) for queue in QUEUES]
        if sum(answer.consumer_count or 0 for answer in answers) >= len(BUILDS):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the services did not start")


async def _until_finished(database: Database, orders: int) -> None:
    deadline = time.monotonic() + STUCK_AFTER
    while (done := await finished(database)) < orders:
        if time.monotonic() > deadline:
            raise RuntimeError(f"stuck: {done} of {orders} orders")
        await asyncio.sleep(0.1)


async def _postmaster(database: Database) -> int:
    async with database.autocommit.begin() as connection:
        backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    return processes()[backend].parent
