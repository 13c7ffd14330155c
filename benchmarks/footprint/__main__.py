"""What a service costs before it does anything: memory, time until ready, time to end, size of the image.

    python -m benchmarks.footprint                     three rounds, every service: 90 s of CPU
    python -m benchmarks.footprint --rounds 5 --json   one JSON object on stdout

A service is held against a process that imports what is not ours of the modules that this very service has imported
when it is ready, and nothing else: what is above that is ours. Both are measured in turns, as processes of their own,
and the best of the rounds counts. Memory is the resident set some seconds after the service is ready; in all, a
service's share counts with all of them running, for a page of a library is there once for all. Ready counts from the
start of the process, interpreter included, until `/health/ready` says so, without the time in which the process could
run and others had the CPU (`/proc/PID/schedstat`): on a quiet machine that is the wall clock. To end it gets SIGTERM
while it works on as many steps as it takes at once, and more lie in its queue.
Exit 1 if a target is missed. The image's size is told where `docker` is and has it (`--image`).
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.footprint.processes import PATIENCE, end, import_only, imports_of, memory, start
from contracts import CloudEvent, ServiceName
from ops.places import new_log_folder
from ops.system import DEFAULTS
from ops.vendors import Latencies, running_simulators
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System, connected
from tests.conftest import open_at

MOST_OWN_MEGABYTES, MOST_MEGABYTES, MOST_OWN_SECONDS, MOST_END_SECONDS = 20.0, 100.0, 0.5, 5.0
IDLE_SECONDS = 3.0
EVENTS = 200
LATENCIES = Latencies(call=0.1, deployment=1.0, boot=0.5, requests=60_000)


@dataclass(frozen=True, slots=True)
class Cost:
    """MB, seconds with a CPU of its own, and CPU seconds: of importing, and of the service until it is ready.

    `share_mb` and `private_mb`: as in `Memory`. `end_s`: what it takes to end with its hands full, by the wall clock.
    """

    imports_mb: float
    imports_s: float
    imports_cpu: float
    idle_mb: float
    share_mb: float
    private_mb: float
    ready_s: float
    ready_cpu: float
    end_s: float

    @property
    def missed(self) -> list[str]:
        """The targets that are missed."""
        targets = {
            "own memory": (self.idle_mb - self.imports_mb, MOST_OWN_MEGABYTES),
            "memory": (self.share_mb, MOST_MEGABYTES),
            "own time": (self.ready_s - self.imports_s, MOST_OWN_SECONDS),
            "end": (self.end_s, MOST_END_SECONDS),
        }
        return [name for name, (found, most) in targets.items() if found > most]


async def hands_full(system: System, service: ServiceName) -> None:
    """Give the service more than it takes at once, and wait until it has begun with what it takes."""
    events: dict[ServiceName, Callable[[Story], CloudEvent[Any]]] = {
        ServiceName.DNS: Story.ordered,
        ServiceName.DEPLOY: Story.configured,
        ServiceName.BOOTSTRAP: Story.deployed,
        ServiceName.NOTIFY: Story.healthy,
    }
    if service not in events:
        return
    stories = [Story() for _ in range(EVENTS)]
    if service is not ServiceName.DNS:
        for story in stories:
            await system.know(story, ProvisioningState.ORDERED)
    await system.publish(*(events[service](story) for story in stories))
    running_steps = "SELECT count(*) FROM open_steps WHERE state = 'running' AND consumer LIKE :consumers"
    async with asyncio.timeout(PATIENCE):
        while True:
            [(count,)] = await system.sql(running_steps, consumers=f"{service}.%")
            if count >= 16:  # noqa: PLR2004 - notify's concurrency, the smallest
                return
            await asyncio.sleep(0.05)


@dataclass
class Stage:
    """A broker, a migrated database and simulators; `settings` lead there."""

    system: System
    settings: dict[str, str]
    logs: Path

    async def round(self, modules: dict[ServiceName, str]) -> dict[ServiceName, list[float]]:
        """Start every service after its imports alone; measure them when all have been idle for a while."""
        found: dict[ServiceName, list[float]] = {}
        async with AsyncExitStack() as stack:
            started = {}
            for service, imported in modules.items():
                imports, took = await import_only(imported)
                started[service] = await start(service, self.settings, self.logs, stack)
                found[service] = [imports.resident, took.alone, took.cpu]
            await asyncio.sleep(IDLE_SECONDS)
            for service, running in started.items():
                idle = memory(running.process.pid)
                found[service] += [idle.resident, idle.share, idle.private, running.took.alone, running.took.cpu]
        return found

    async def end(self, service: ServiceName) -> float:
        """Seconds from SIGTERM to the end, with its hands full."""
        async with AsyncExitStack() as stack:
            running = await start(service, self.settings, self.logs, stack)
            await hands_full(self.system, service)
            seconds = await end(running.process)
        await self.system.sql("TRUNCATE open_steps")
        return seconds


async def measure(rounds: int, names: list[ServiceName]) -> dict[str, Cost]:
    """Measure each service on a broker, a database and simulators of this run."""
    async with stage() as there:
        modules = {service: await imports_of(service, there.settings, there.logs) for service in names}
        measured = [await there.round(modules) for _ in range(rounds)]
        found = {}
        for service in names:
            best = [min(column) for column in zip(*(each[service] for each in measured), strict=True)]
            found[service.value] = Cost(*(round(value, 2) for value in (*best, await there.end(service))))
    return found


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Set up what services need, as long as the block runs."""
    from ops.schema import upgrade  # noqa: PLC0415 - heavy, and only here
    from ops.stack import local_stack  # noqa: PLC0415

    logs = new_log_folder()
    with local_stack(logs) as stack:
        await stack.wait()
        database = open_at(stack.database_url)
        await upgrade(database.engine)
        async with running_simulators(LATENCIES) as simulators, connected(database, stack.amqp_url) as system:
            await system.seed(servers=10, capacity=10 * EVENTS)
            urls = {"VRS_AMQP_URL": stack.amqp_url, "VRS_DATABASE_URL": stack.database_url}
            port = {"VRS_MARKETPLACE_URL": "http://127.0.0.1:9", "VRS_HTTP_PORT": "0"}
            yield Stage(system, DEFAULTS | port | simulators.settings | urls, logs)
        await database.engine.dispose()


def image_megabytes(image: str) -> float | None:
    """The image's size beside its base; None without an engine or the image."""
    if shutil.which("docker") is None:
        return None
    sizes = [
        subprocess.run(
            ["docker", "image", "inspect", "-f", "{{.Size}}", name], capture_output=True, text=True, check=False
        )
        for name in (image, "python:3.13-slim")
    ]
    if any(each.returncode for each in sizes):
        return None
    whole, base = (int(each.stdout) / 1e6 for each in sizes)
    return round(whole - base, 1)


def main() -> None:
    """Measure, show, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("services", nargs="*", type=ServiceName, default=list(ServiceName))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--image", default="vrs:local")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    costs, image = asyncio.run(measure(wanted.rounds, wanted.services)), image_megabytes(wanted.image)
    if wanted.json:
        print(json.dumps({"services": {name: asdict(cost) for name, cost in costs.items()}, "image_mb": image}))
    else:
        table = Table(
            "service", "imports", "idle", "ours", "share", "private", "imports", "ready", "ours", "CPU", "end", "missed"
        )
        for name, cost in costs.items():
            sizes = (cost.imports_mb, cost.idle_mb, cost.idle_mb - cost.imports_mb, cost.share_mb, cost.private_mb)
            megabytes = (f"{value:.0f} MB" for value in sizes)
            seconds = (f"{value:.2f} s" for value in (cost.imports_s, cost.ready_s, cost.ready_s - cost.imports_s))
            ours = f"{cost.ready_cpu - cost.imports_cpu:.2f} s"
            table.add_row(name, *megabytes, *seconds, ours, f"{cost.end_s:.2f} s", ", ".join(cost.missed))
        Console(width=120).print(table)
        print(f"image: {image} MB beside its base" if image else f"image: no engine here that has {wanted.image}")
    sys.exit(any(cost.missed for cost in costs.values()))


if __name__ == "__main__":
    main()
