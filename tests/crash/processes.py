"""The services as processes of their own that can be killed and started again, with simulators that stand still."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

from contracts import ServiceName
from ops.ports import free_port
from ops.services import ServiceProcess
from ops.stack import Guard
from tests.crash.observer import run

_context = multiprocessing.get_context("forkserver")


def preload() -> None:
    """Begin to import what every service needs, in a process that they are forked from."""
    modules = {entry.module for entry in entry_points(group="vrs.services")}
    _context.set_forkserver_preload(["pytest", "ops.cli", "uvloop", "tests.crash.observer", *sorted(modules)])
    forkserver.ensure_running()


@dataclass
class Processes:
    """All services, by name. Logs, journals and arms are in `folder`."""

    settings: dict[str, str]
    folder: Path
    guard: Guard
    running: dict[ServiceName, ServiceProcess] = field(default_factory=dict)

    def start(self, name: ServiceName) -> None:
        """Start the service, or start it again."""
        port = free_port()
        health = {"VRS_HEALTH_HOST": "127.0.0.1", "VRS_HEALTH_PORT": str(port), "VRS_LOG_FORMAT": "json"}
        log = self.folder / f"{name}.log"
        process: ForkServerProcess = _context.Process(
            target=run, args=(name.value, self.settings | health, log, self.folder), daemon=True
        )
        process.start()
        if process.pid is not None:
            self.guard.watch(process.pid)
        self.running[name] = ServiceProcess(name, process, port, log)

    def has_died(self, name: ServiceName) -> bool:
        """Whether the service's process is gone."""
        return not self.running[name].process.is_alive()

    async def are_ready(self) -> bool:
        """Whether each service that runs consumes."""
        async with httpx.AsyncClient() as http:
            return not any([await service.problem(http) for service in self.running.values()])

    def kill(self, name: ServiceName) -> None:
        """Kill the service and wait for its end."""
        self.running[name].process.kill()
        self.running[name].process.join(10)


@contextmanager
def processes(settings: dict[str, str], folder: Path, guard: Guard) -> Iterator[Processes]:
    """Give the services, none of them started; kill those that run at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    preload()
    found = Processes(settings, folder, guard)
    try:
        yield found
    finally:
        for name in found.running:
            found.kill(name)
        forkserver._forkserver._stop()  # type: ignore[attr-defined]  # else it outlives us for a moment
