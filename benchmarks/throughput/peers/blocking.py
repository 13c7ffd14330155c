"""The step for frameworks that block: psycopg, a connection a thread, one transaction an event."""

import os
import re
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread
import psycopg

from benchmarks.throughput.by_hand import STEP, named, take, values
from benchmarks.throughput.contender import Put
from benchmarks.throughput.work import Link
from contracts import CloudEvent, ProjectOrdered

_SQL = re.sub(r"\$(\d+)", r"%(p\1)s", STEP)
_LOCAL = threading.local()


def commit(body: bytes, link: Link) -> bytes | None:
    """Do the step and commit it; return the event to say next, or None if nothing follows or it was done before."""
    taken = take(body, link)
    new = _connection().execute(_SQL, named(values(link, [taken], [], outbox=False))).fetchall()
    return taken.next_body if link.says and new else None


def _connection() -> psycopg.Connection:
    if not hasattr(_LOCAL, "connection"):
        url = os.environ["VRS_DATABASE_URL"].replace("+asyncpg", "")
        _LOCAL.connection = psycopg.connect(url, autocommit=True, prepare_threshold=1)
    connection: psycopg.Connection = _LOCAL.connection
    return connection


@asynccontextmanager
async def entrance(send: Callable[[str], object]) -> AsyncIterator[Put]:
    """Hand orders over one by one, in a thread."""

    async def put(orders: Sequence[CloudEvent[ProjectOrdered]]) -> None:
        def all_of_them() -> None:
            for order in orders:
                send(order.encode().decode())

        await anyio.to_thread.run_sync(all_of_them)

    yield put
