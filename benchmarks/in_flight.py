"""Thousands of orders that wait for deployments and boots at once: memory, requests, and what it costs the next order.

    python -m benchmarks.in_flight                        20,000 orders, half of them at each of the two waits
    python -m benchmarks.in_flight --orders 2000 --seconds 30

The whole system runs against the simulators, with Coolify's own limit of 200 requests a minute for deploy. The waiting
steps are written as the kernel would have left them: half are parked for room in the queue of a server that takes
nothing, half wait for a vrs-core that does not answer. Ten orders go live before them and ten after.
"""

import argparse
import asyncio
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from statistics import median
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from sqlalchemy import insert, text

from benchmarks.throughput.usage import seconds as seconds_of
from benchmarks.throughput.usage import tree
from benchmarks.throughput.work import know, make_orders
from contracts import AppDeployed, CloudEvent, DnsConfigured, DnsRecord, Locale, RecordType, ServiceName, TargetServer
from contracts.signatures import written
from ops.demo.watch import Watch
from ops.orders import place
from ops.places import new_log_folder
from ops.plugins import read_key
from ops.system import System, running_system
from ops.vendors import Latencies
from services.deploy.blueprint import Blueprint, site_of
from services.deploy.models import ProjectDeployment, Stage
from services.deploy.settings import DeploySettings
from shared.messaging.topology import queue_name
from shared.models import OpenStep, ProvisioningState, StepState
from shared.models.kernel import STEP_TOKENS
from shared.orders import Order
from shared.plans import read_plans
from shared.settings import load
from shared.step import ProjectFacts
from simulators.coolify.records import Server

VENDOR_CALLS = "vrs_vendor_call_seconds_count"
PROBES = 10
UNTIL_LISTED = 10.0
AT_ONCE = 1000
MEMORY_LIMIT = 200.0
REQUESTS_A_MINUTE = 200
SLOWER_AT_MOST = 2.0
WATCHED = (ServiceName.DEPLOY, ServiceName.BOOTSTRAP)
DEPLOYS = queue_name(ServiceName.DEPLOY, DnsConfigured)
LOOKS = queue_name(ServiceName.BOOTSTRAP, AppDeployed)

_AGE = text("""
    UPDATE open_steps SET created_at = now() - interval '9 min',
                          due_at = clock_timestamp() + random() * make_interval(secs => :within)
    WHERE consumer = :consumer
""")
LOOK_AGAIN = {DEPLOYS: 300.0, LOOKS: 54.0}
"""Seconds after which each looks again by itself, nine minutes after it was opened."""
_FULL_SERVER = text("UPDATE servers SET capacity = used WHERE coolify_uuid = :uuid")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a while: requests to Coolify a minute and looks at cores a second; MB and CPU (of one core) by service."""

    coolify: float
    looks: float
    memory: dict[ServiceName, float]
    cpu: dict[ServiceName, float]


async def main(orders: int, seconds: float) -> bool:
    """Run it, print it; return whether memory, requests and the probes' times are within their limits."""
    async with running_system(new_log_folder(), Latencies(0.02, 1.0, 1.0, requests=REQUESTS_A_MINUTE)) as system:
        await system.wait()
        before = await probes(system)
        assert system.simulators.coolify is not None
        full = system.simulators.coolify.servers[-1]
        full.deployment_queue_limit = 0
        await write_waiting(system, full, 2)
        await asyncio.sleep(UNTIL_LISTED)  # now deploy knows that the queue is full
        began = time.monotonic()
        await write_waiting(system, full, orders)
        Console().print(f"{orders:,} waiting orders written in {time.monotonic() - began:.0f} s")
        usage = await observed(system, seconds)
        after = await probes(system)
    memory = ", ".join(f"{name} {usage.memory[name]:.0f} MB, {usage.cpu[name]:.0%} of a core" for name in WATCHED)
    Console().print(f"{memory}; {usage.coolify:.0f} requests a minute to Coolify, {usage.looks:.0f} looks a second")
    Console().print(f"an order is live after {before:.1f} s before and {after:.1f} s beside them (median of {PROBES})")
    return (
        max(usage.memory.values()) <= MEMORY_LIMIT
        and usage.coolify <= REQUESTS_A_MINUTE
        and after <= SLOWER_AT_MOST * before
    )


async def probes(system: System) -> float:
    """Median seconds until live of `PROBES` orders that come one after the other."""
    times = []
    for _ in range(PROBES):
        placed = make_orders(1)
        watch = Watch(system.database.engine, placed)
        await place(system.database, placed)
        while not watch.is_over and watch.seconds < 300:  # noqa: PLR2004 - one that hangs
            await watch.look()
            await asyncio.sleep(0.05)
        times += [each.seconds or watch.seconds for each in watch.orders.values()]
    return median(times)


async def observed(system: System, seconds: float) -> Usage:
    """What the services use while everybody waits; the first requests pass unobserved."""
    await asyncio.sleep(10)
    pids = {each.name: each.process.pid or 0 for each in system.services if each.name in WATCHED}
    calls, cpu = await _calls(system), {name: seconds_of(pid) for name, pid in pids.items()}
    began = time.monotonic()
    await asyncio.sleep(seconds)
    now, took = await _calls(system), time.monotonic() - began
    return Usage(
        coolify=(now[ServiceName.DEPLOY] - calls[ServiceName.DEPLOY]) / took * 60,
        looks=(now[ServiceName.BOOTSTRAP] - calls[ServiceName.BOOTSTRAP]) / took,
        memory={name: sum(process.resident for process in tree(pid)) / 1e6 for name, pid in pids.items()},
        cpu={name: (seconds_of(pid) - cpu[name]) / took for name, pid in pids.items()},
    )


async def write_waiting(system: System, full: Server, count: int) -> None:
    """Half wait for room in the queue of `full`, half for a core that nobody knows."""
    target = TargetServer(id=full.uuid, name=full.name, region="fsn1", ipv4=IPv4Address(full.ip))
    blueprint = _blueprint(system)
    for start in range(0, count, AT_ONCE):
        orders = make_orders(min(AT_ONCE, count - start))
        await know(system.database, orders)
        half = len(orders) // 2
        parked, waiting = [_configured(each, target) for each in orders[:half]], orders[half:]
        rows = [
            _deployment(event, blueprint.wanted(order.subject, _facts(order), site_of(event.data, None)).spec)
            for order, event in zip(orders, parked, strict=False)
        ]
        steps = [_step(DEPLOYS, event, StepState.PARKED, f"queue:{full.uuid}") for event in parked]
        steps += [_step(LOOKS, _deployed(order, target), StepState.WAITING, None) for order in waiting]
        async with system.database.engine.begin() as connection:
            await connection.execute(_FULL_SERVER, {"uuid": full.uuid})
            await connection.execute(insert(ProjectDeployment), rows)
            await connection.execute(insert(OpenStep).values(token=STEP_TOKENS.next_value()), steps)
    async with system.database.engine.begin() as connection:
        for consumer, within in LOOK_AGAIN.items():
            await connection.execute(_AGE, {"consumer": consumer, "within": within})


def _blueprint(system: System) -> Blueprint:
    """As deploy has it: an app that looks different would be changed at Coolify first."""
    keys = {name: read_key(system.market.folder / f"{name}.key").public_key() for name in ("manifest", "plugins")}
    os.environ |= {"VRS_AMQP_URL": system.stack.amqp_url, "VRS_DATABASE_URL": system.stack.database_url}
    os.environ |= system.simulators.settings | {
        "VRS_MARKETPLACE_URL": system.market.url,
        "VRS_MANIFEST_KEYS": written(keys["manifest"]),
        "VRS_PLUGIN_KEYS": written(keys["plugins"]),
    }
    return Blueprint(load(DeploySettings), read_plans())


def _configured(order: Order, target: TargetServer) -> CloudEvent[DnsConfigured]:
    record = DnsRecord(name=order.data.fqdn, type=RecordType.A, content=str(target.ipv4))
    data = DnsConfigured(fqdn=order.data.fqdn, records=(record,), server=target, placement_reason="the only one")
    return CloudEvent.of(data, source="dns", project_id=order.subject, correlation_id=order.id)


def _deployed(order: Order, target: TargetServer) -> CloudEvent[AppDeployed]:
    names = {"application": "app0000000000000000000001", "deployment": "dep0000000000000000000001"}
    facts = {"fqdn": order.data.fqdn, "url": f"https://{order.data.fqdn}", "server": target}
    data = AppDeployed.model_validate(facts | names | {"image": "ghcr.io/vrs/vrs-core", "tag": "1.0.0"})
    return CloudEvent.of(data, source="deploy", project_id=order.subject, correlation_id=order.id)


def _facts(order: Order) -> ProjectFacts:
    data = order.data
    return ProjectFacts(
        state=ProvisioningState.DNS_CONFIGURED,
        slug=data.slug,
        fqdn=data.fqdn,
        base_domain=data.base_domain,
        project_type=data.project_type,
        plan=data.plan,
        plugins=(),
        locale=Locale.DE,
        customer_name=data.customer.name,
        customer_email=data.customer.email,
        ordered_at=order.time,
    )


def _deployment(event: CloudEvent[DnsConfigured], spec: str) -> dict[str, object]:
    return {
        "project_id": event.subject,
        "coolify_project": "prj0000000000000000000001",
        "server": event.data.server.id,
        "stage": Stage.CONFIGURED,
        "since": event.time,
        "image": "ghcr.io/vrs/vrs-core",
        "tag": "1.0.0",
        "spec": spec,
        "application": f"app{event.subject.hex[-21:]}",
        "token_hash": event.subject.bytes * 2,
    }


def _step(consumer: str, event: CloudEvent[Any], state: StepState, key: str | None) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "consumer": consumer,
        "event_id": event.id,
        "project_id": event.subject,
        "body": event.encode(),
        "state": state,
        "attempt": 1,
        "due_at": now,
        "deadline": None if key else now + timedelta(hours=1),
        "wake_key": key,
        "reason": "waits",
    }


async def _calls(system: System) -> dict[ServiceName, float]:
    """How many requests each has sent to its vendor, as its metrics say."""
    found = {}
    async with httpx.AsyncClient() as http:
        for service in system.services:
            if service.name in WATCHED:
                told = (await http.get(f"http://127.0.0.1:{service.port}/metrics")).text
                samples = (sample for family in text_string_to_metric_families(told) for sample in family.samples)
                found[service.name] = sum(
                    each.value for each in samples if each.name == "vrs_vendor_call_seconds_count"
                )
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60)
    wanted = parser.parse_args()
    sys.exit(0 if asyncio.run(main(wanted.orders, wanted.seconds)) else 1)
