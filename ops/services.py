"""The services, each in a process of its own that does what ``vrs run`` does.

They are forked from a server that has imported them all: five interpreters of their own would spend 9 s of CPU time on
imports, which on a small machine is most of a demo.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

from contracts import ServiceName
from ops.failure import CommandError
from ops.ports import free_ports
from ops.stack import Guard

GRACE = 8.0
"""Seconds between SIGTERM and SIGKILL."""

_context = multiprocessing.get_context("forkserver")


@dataclass(slots=True)
class ServiceProcess:
    """A running service and where its health endpoint listens."""

    name: ServiceName
    process: ForkServerProcess
    port: int
    log: Path

    def check(self) -> None:
        """Raise CommandError if it has ended."""
        if not self.process.is_alive():
            lines = self.log.read_text(errors="replace").splitlines()[-1:]
            raise CommandError(f"{self.name} has ended; see {self.log}: {' '.join(lines)[:500]}")

    async def problem(self, http: httpx.AsyncClient) -> str | None:
        """Why it is not ready; None if it is."""
        try:
            answer = await http.get(_ready_url(self.port))
        except httpx.HTTPError as error:
            return str(error)
        return None if answer.status_code == httpx.codes.OK else answer.text


def preload() -> None:
    """Begin to import the services, in another process."""
    modules = {entry.module for entry in entry_points(group="vrs.services")}
    _context.set_forkserver_preload(["ops.cli", "ops.running", *sorted(modules)])
    forkserver.ensure_running()


def start_services(settings: dict[str, str], logs: Path, guard: Guard) -> list[ServiceProcess]:
    """Start every service with `settings` in its environment, logging to `logs`. Blocks until `preload` is done."""
    ports = dict(zip(ServiceName, free_ports(len(ServiceName)), strict=True))
    urls = ",".join(f"{name}={_ready_url(port)}" for name, port in ports.items())
    return [_start(name, port, {"VRS_HEALTH_URLS": urls} | settings, logs, guard) for name, port in ports.items()]


def _ready_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/health/ready"


def _start(name: ServiceName, port: int, settings: dict[str, str], logs: Path, guard: Guard) -> ServiceProcess:
    health = {"VRS_HEALTH_HOST": "127.0.0.1", "VRS_HEALTH_PORT": str(port), "VRS_LOG_FORMAT": "json"}
    log = logs / f"{name}.log"
    process = _context.Process(target=_run, args=(name.value, settings | health, log), name=name.value, daemon=True)
    process.start()
    if process.pid is not None:
        guard.watch(process.pid)
    return ServiceProcess(name, process, port, log)


async def stop_services(services: Sequence[ServiceProcess]) -> None:
    """Ask all to end, wait together for at most `GRACE` seconds, then kill those that are left.

    By their process ids: `multiprocessing` takes them all for ended when their fork server is.
    """
    pids = [service.process.pid for service in services if service.process.pid is not None]
    _signal(pids, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while any(map(_is_alive, pids)) and time.monotonic() < deadline:  # noqa: ASYNC110 - processes that are not our children
        await asyncio.sleep(0.05)
    _signal(pids, signal.SIGKILL)
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # noqa: SLF001 - else it outlives us for a moment


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _run(name: str, settings: dict[str, str], log: Path) -> None:
    """Become ``vrs run``, out of reach of a Ctrl-C in our terminal."""
    os.setsid()
    os.environ.update(settings)
    with log.open("ab") as sink:
        os.dup2(sink.fileno(), sys.stdout.fileno())
        os.dup2(sink.fileno(), sys.stderr.fileno())
    sys.argv = ["vrs", "run", name]
    with suppress(KeyboardInterrupt):
        entry_points(group="console_scripts")["vrs"].load()()
