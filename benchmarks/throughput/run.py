"""One run of one contender: processes ready, clock on, orders in; it stops at the last order's last row."""

import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path

from sqlalchemy import text

from benchmarks.throughput.contender import Contender, Put
from benchmarks.throughput.latency import Latency, open_loop
from benchmarks.throughput.usage import processes, tree
from benchmarks.throughput.usage import seconds as seconds_of
from benchmarks.throughput.work import CHAIN, exactness, finished, know, make_base_domain, make_orders, rows_made
from contracts import CloudEvent, ProjectOrdered
from ops.schema import upgrade
from ops.stack import Stack
from shared.database import Database, open_database
from shared.settings import Settings

WARM_UP = 100
STUCK_AFTER = 60.0
LOOK_EVERY = 0.02

AT_MOST = 0.8
"""Of its saturated throughput: an open loop above that measures a queue that grows."""

_FSYNCS = text("SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'")  # PostgreSQL 18


@dataclass(frozen=True, slots=True)
class Result:
    """`orders_per_second` through all four steps; CPU in milliseconds an order; fsyncs of PostgreSQL an order.

    `memory` in MB: the largest process of the contender, and all of them.
    """

    orders_per_second: float
    cpu_client: float
    cpu_database: float
    cpu_broker: float
    fsyncs_database: float
    memory_largest: float
    memory_all: float


def _serve(serve: Callable[[], None], settings: dict[str, str], log: Path) -> None:
    os.environ.update(settings)
    with log.open("ab") as sink:
        os.dup2(sink.fileno(), sys.stdout.fileno())
        os.dup2(sink.fileno(), sys.stderr.fileno())
    serve()


@contextmanager
def serving(contender: Contender, settings: dict[str, str], logs: Path) -> Iterator[list[int]]:
    """Run the contender's processes as long as the block runs; gives their ids."""
    context = multiprocessing.get_context("spawn")
    running: list[SpawnProcess] = [
        context.Process(target=_serve, args=(serve, settings, logs / f"{contender.name}-{number}.log"))
        for number, serve in enumerate(contender.serve)
    ]
    for process in running:
        process.start()
    try:
        yield [process.pid or 0 for process in running]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.join(20)
            process.kill()


async def measure(
    contender: Contender,
    stack: Stack,
    logs: Path,
    *,
    orders: int,
    rates: Sequence[float] = (),
    seconds: float = 10.0,
    prepare: Callable[[Database], Awaitable[None]] | None = None,
) -> tuple[Result, dict[float, Latency]]:
    """Let `orders` go through, saturated; a hundred go before the clock starts. Then the open loop at each rate.

    `prepare` finds the database migrated and else empty.

    Raises:
        RuntimeError: the run was not exact or got stuck.

    """
    settings = {"VRS_AMQP_URL": stack.amqp_url, "VRS_DATABASE_URL": stack.database_url, "VRS_LOG_FORMAT": "json"}
    database = open_database(
        Settings.model_validate({"amqp_url": stack.amqp_url, "database_url": stack.database_url}),
        application_name="benchmark",
        command_timeout=None,
    )
    try:
        await upgrade(database.engine)
        await make_base_domain(database)
        if prepare is not None:
            await prepare(database)
        since = await rows_made(database)
        work = make_orders(WARM_UP + orders)
        await know(database, work)
        async with contender.entrance(stack) as put:
            with serving(contender, settings, logs) as pids:
                await put(work[:WARM_UP])
                await until_finished(database, since, WARM_UP)
                result = await _saturated(database, since, stack, pids, put, work[WARM_UP:])
                if problem := (await exactness(database, since)).problem(len(work)):
                    raise RuntimeError(f"the run was not exact: {problem}")
                possible = [rate for rate in rates if rate < AT_MOST * result.orders_per_second]
                return result, {rate: await open_loop(database, put, rate, seconds) for rate in possible}
    finally:
        await database.engine.dispose()


async def _saturated(
    database: Database, since: int, stack: Stack, pids: list[int], put: Put, work: list[CloudEvent[ProjectOrdered]]
) -> Result:
    postmaster = await _postmaster(database)
    broker = stack.node.pid if stack.node else 0
    before = [sum(map(seconds_of, pids)), seconds_of(postmaster), seconds_of(broker)]
    fsyncs = await _fsyncs(database)
    began = time.monotonic()
    await put(work)
    await until_finished(database, since, WARM_UP + len(work))
    took = time.monotonic() - began
    fsyncs = await _fsyncs(database) - fsyncs
    after = [sum(map(seconds_of, pids)), seconds_of(postmaster), seconds_of(broker)]
    client, backend, bus = (1000 * (late - early) / len(work) for early, late in zip(before, after, strict=True))
    sizes = [process.resident / 1e6 for pid in pids for process in tree(pid)]
    return Result(len(work) / took, client, backend, bus, fsyncs / len(work), max(sizes), sum(sizes))


async def until_finished(database: Database, since: int, orders: int) -> None:
    """Return when so many orders have their last row. Counting costs, so it waits for so many rows first.

    Raises:
        RuntimeError: nothing has moved for `STUCK_AFTER` seconds.

    """
    made, moved = since, time.monotonic()
    while made - since < len(CHAIN) * orders or await finished(database, since) < orders:
        if (now := await rows_made(database)) > made:
            made, moved = now, time.monotonic()
        elif time.monotonic() - moved > STUCK_AFTER:
            raise RuntimeError(f"stuck: {await finished(database, since)} of {orders} orders")
        await asyncio.sleep(LOOK_EVERY)


async def _fsyncs(database: Database) -> int:
    async with database.autocommit.begin() as connection:
        return int((await connection.execute(_FSYNCS)).scalar_one())


async def _postmaster(database: Database) -> int:
    async with database.autocommit.begin() as connection:
        backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    return processes()[backend].parent
