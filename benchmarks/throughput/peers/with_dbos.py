"""DBOS: an order is a workflow of four transactional steps in PostgreSQL, queued there; no broker takes part."""

import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from dbos import DBOS, DBOSClient, DBOSConfig, SQLAlchemyDatasource
from sqlalchemy import text

from benchmarks.throughput.by_hand import NAMED_STEP, named, take, values
from benchmarks.throughput.contender import Contender, Put
from benchmarks.throughput.peers.blocking import entrance
from benchmarks.throughput.work import CHAIN, Link
from ops.stack import Stack
from shared.database import asyncpg_url

PROCESSES = 2
CONCURRENCY = 16
POLL_EVERY = 0.02
QUEUE = "bench"
WORKFLOW = "provision"


def _config(url: str) -> DBOSConfig:
    return {
        "name": "bench",
        "system_database_url": url,
        "sys_db_pool_size": CONCURRENCY,
        "application_version": "1",
        "log_level": "ERROR",
    }


def serve() -> None:
    """Run an executor until SIGTERM."""
    url = asyncpg_url(os.environ["VRS_DATABASE_URL"])
    DBOS(config=_config(url))
    source = SQLAlchemyDatasource.create(url, engine_kwargs={"pool_size": CONCURRENCY})
    statement = text(NAMED_STEP)

    @source.transaction(isolation_level="READ COMMITTED")
    def step(body: str, number: int) -> str:
        link: Link = CHAIN[number]
        taken = take(body.encode(), link)
        source.sql_session().execute(statement, named(values(link, [taken], [], outbox=False)))
        return taken.next_body.decode()

    @DBOS.workflow(name=WORKFLOW)
    def provision(body: str) -> None:
        for number in range(len(CHAIN)):
            body = step(body, number)

    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=CONCURRENCY, polling_interval_sec=POLL_EVERY)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    os._exit(0)  # its own end waits for every workflow


@asynccontextmanager
async def _entrance(stack: Stack) -> AsyncIterator[Put]:
    url = asyncpg_url(stack.database_url)

    def connect() -> DBOSClient:
        DBOS(config=_config(url))
        DBOS.launch()  # makes the tables
        DBOS.destroy(destroy_registry=True)
        return DBOSClient(system_database_url=url)

    client = await anyio.to_thread.run_sync(connect)

    def send(body: str) -> Any:
        return client.enqueue({"workflow_name": WORKFLOW, "queue_name": QUEUE}, body)

    async with entrance(send) as put:
        yield put
    client.destroy()


CONTENDER = Contender("dbos", (serve,) * PROCESSES, _entrance)
