"""Open loop: orders come at their times, whether or not earlier ones are through; how long each takes."""

import asyncio
import time
from dataclasses import dataclass
from statistics import quantiles
from uuid import UUID

from sqlalchemy import text

from benchmarks.throughput.contender import Put
from benchmarks.throughput.work import know, make_orders
from shared.database import Database

TICK = 0.005
PATIENCE = 60.0

_LAST_ROWS = text("""
    SELECT project_id, extract(epoch FROM at)::float8 AS at FROM provisioning_log
    WHERE service = 'notify' AND status = 'completed' AND project_id = ANY(:ids)
""")


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from an order's time to its last log row (written, its commit follows)."""

    p50: float
    p95: float
    p99: float


async def open_loop(database: Database, put: Put, rate: float, seconds: float) -> Latency:
    """Let `rate` orders a second come for so many seconds.

    Raises:
        RuntimeError: not all were through a minute later.

    """
    work = make_orders(int(rate * seconds))
    await know(database, work)
    began, now = time.time() + 0.1, time.monotonic() + 0.1
    planned = {order.subject: began + number / rate for number, order in enumerate(work)}
    sending: set[asyncio.Task[None]] = set()
    sent = 0
    while sent < len(work):
        await asyncio.sleep(TICK)
        due = min(len(work), int((time.monotonic() - now) * rate) + 1)
        if due > sent:
            task: asyncio.Task[None] = asyncio.ensure_future(put(work[sent:due]))
            sending.add(task)
            task.add_done_callback(sending.discard)
            sent = due
    await asyncio.gather(*sending)
    ended = await _last_rows(database, list(planned))
    cuts = quantiles(((ended[order] - at) * 1000 for order, at in planned.items()), n=100, method="inclusive")
    return Latency(cuts[49], cuts[94], cuts[98])


async def _last_rows(database: Database, orders: list[UUID]) -> dict[UUID, float]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        async with database.autocommit.begin() as connection:
            rows = (await connection.execute(_LAST_ROWS, {"ids": orders})).all()
        if len(rows) == len(orders):
            return {row.project_id: row.at for row in rows}
        await asyncio.sleep(0.5)
    raise RuntimeError(f"only {len(rows)} of {len(orders)} orders are through")
