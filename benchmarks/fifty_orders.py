"""How much of an order's way to live is ours, and whether Coolify's request limit is respected.

    python -m benchmarks.fifty_orders                      50 orders, 10 servers, 6,000 requests a minute
    python -m benchmarks.fifty_orders --rate-limit 200     the limit of a Coolify as it comes

Ours is an order's wall time until it is live, less: the vendors' latency, waiting for the INWX session (which takes
one call at a time) and for one of a server's two deployment slots, the deployment and the boot. When the session was
busy, and with whose call, is read from the log of dns.
"""

import argparse
import asyncio
import json
import os
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from ops.demo.copies import example_orders, hold_own_domains
from ops.demo.watch import Watch, Watched
from ops.orders import place
from ops.places import ORDERS, new_log_folder
from ops.system import System, running_system
from ops.vendors import Latencies
from shared.orders import order_of

CALL, DEPLOYMENT, BOOT = 0.05, 5.0, 2.0
COOLIFY_CALLS = 6
"""Of one order, one after the other: environment, application, variables, deploy, deployment, application."""

LIMIT_OURS, LIMIT_ALL = 1.0, 30.0
FAST = 6000
"""Requests a minute at which the limit holds nothing up."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call to INWX: whose it was, when it ended, how long it held the session."""

    correlation: str
    ended: datetime
    took: timedelta

    def within(self, begin: datetime, end: datetime) -> timedelta:
        """How much of it lies between `begin` and `end`."""
        return max(timedelta(), min(self.ended, end) - max(self.ended - self.took, begin))


@dataclass(frozen=True, slots=True)
class Share:
    """Seconds of an order that are ours, by step."""

    dns: float
    deploy: float
    bootstrap: float

    @property
    def total(self) -> float:
        """All of them until live."""
        return self.dns + self.deploy + self.bootstrap


async def main(orders: int, rate_limit: int) -> bool:
    """Run the orders, print the shares; return whether the targets are met."""
    os.environ |= {"VRS_LOG_LEVEL": "DEBUG", "VRS_LOG_FORMAT": "json"}
    async with running_system(new_log_folder(), Latencies(CALL, DEPLOYMENT, BOOT, rate_limit)) as system:
        await system.wait()
        examples = example_orders(ORDERS, orders)
        await hold_own_domains(system.simulators, examples)
        placed = [order_of(order.data.model_dump(), order.subject) for order in examples]
        watch = Watch(system.database.engine, placed)
        await place(system.database, placed)
        while not watch.is_over and watch.seconds < 600:  # noqa: PLR2004 - a run that hangs
            await watch.look()
            await asyncio.sleep(0.05)
        state = await _coolify(system)
        calls = _inwx_calls(system.logs / "dns.log")
    live = sorted(watched.seconds for watched in watch.orders.values() if watched.seconds is not None)
    shares = _shares(list(watch.orders.values()), state, calls)
    _print(live, shares, len(calls), state)
    if len(live) < orders or state["throttled"]:
        return False
    if rate_limit < FAST:  # then most of the time is waiting for the limit
        return True
    return median(share.total for share in shares) <= LIMIT_OURS and live[-1] <= LIMIT_ALL


def _inwx_calls(log: Path) -> list[Call]:
    lines = (json.loads(line) for line in log.read_text().splitlines() if "INWX answered" in line)
    return [
        Call(line["correlation"], datetime.fromisoformat(line["timestamp"]), timedelta(seconds=line["seconds"]))
        for line in lines
    ]


async def _coolify(system: System) -> dict[str, Any]:
    assert system.simulators.coolify is not None
    async with httpx.AsyncClient() as http:
        state: dict[str, Any] = (await http.get(f"{system.simulators.coolify.url}/_state")).json()
        control = (await http.get(system.simulators.coolify.control_url)).json()
    return {**state, "requests": sum(control["calls"].values())}


def _shares(orders: list[Watched], state: dict[str, Any], calls: list[Call]) -> list[Share]:
    deployments = {each["deployment_uuid"]: each for each in state["deployments"]}
    shares = []
    for watched in orders:
        if watched.seconds is None:
            continue
        ordered, resolved = watched.order.time, _at(watched, "dns")
        story = str(watched.order.correlation_id)
        others = sum((call.within(ordered, resolved) for call in calls if call.correlation != story), timedelta())
        own = timedelta(seconds=CALL) * sum(call.correlation == story for call in calls)
        deployed = watched.completed("deploy")
        assert deployed is not None
        deployment = deployments[deployed.detail["deployment"]]
        began, ended = (datetime.fromisoformat(deployment[key]) for key in ("created_at", "finished_at"))
        vendor = (ended - began) + timedelta(seconds=CALL * COOLIFY_CALLS)
        booted = max(ended + timedelta(seconds=BOOT), _at(watched, "deploy"))
        shares.append(
            Share(
                dns=(resolved - ordered - others - own).total_seconds(),
                deploy=(_at(watched, "deploy") - resolved - vendor).total_seconds(),
                bootstrap=(_at(watched, "bootstrap") - booted).total_seconds(),
            )
        )
    return shares


def _at(watched: Watched, step: str) -> datetime:
    row = watched.completed(step)
    assert row is not None
    at: datetime = row.at
    return at


def _print(live: list[float], shares: list[Share], calls: int, state: dict[str, Any]) -> None:
    table = Table("seconds that are ours", "median", "p95", "most")
    for name in ("dns", "deploy", "bootstrap", "total"):
        values = sorted(getattr(share, name) for share in shares)
        table.add_row(
            name, *(f"{value:.2f}" for value in (median(values), values[int(len(values) * 0.95)], values[-1]))
        )
    console = Console()
    console.print(table)
    console.print(f"{len(live)} orders live: the first after {live[0]:.1f} s, the last after {live[-1]:.1f} s")
    console.print(f"{calls} calls to INWX, {state['requests']} requests to Coolify, {state['throttled']} answered 429")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=50)
    parser.add_argument("--rate-limit", type=int, default=FAST)
    wanted = parser.parse_args()
    sys.exit(0 if asyncio.run(main(wanted.orders, wanted.rate_limit)) else 1)
