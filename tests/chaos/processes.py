"""The services as processes of their own that can be killed, frozen and started again, one by one."""

import asyncio
import importlib
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from contracts import ServiceName
from ops import services
from ops.ports import free_port
from ops.stack import Guard
from tests.shared.messaging.harness import until

READY_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Launch:
    """How processes are started: environment, `constants` that are other than in production, where they log."""

    settings: Mapping[str, str]
    constants: Mapping[str, Any]
    logs: Path
    guard: Guard

    def start(self, name: ServiceName, wires: Mapping[str, str]) -> ForkServerProcess:
        """Start a service that reaches broker and database by `wires` (settings)."""
        port = free_port()
        health = {"VRS_HEALTH_HOST": "127.0.0.1", "VRS_HEALTH_PORT": str(port), "VRS_LOG_FORMAT": "json"}
        process = services._context.Process(
            target=_become,
            args=(name.value, {**self.settings, **wires, **health}, self.logs / f"{name}.log", dict(self.constants)),
            name=f"chaos {name}",
            daemon=True,
        )
        process.start()
        if process.pid is not None:
            self.guard.watch(process.pid)
        return process


def _become(name: str, settings: dict[str, str], log: Path, constants: dict[str, Any]) -> None:
    for place, value in constants.items():
        module, _, constant = place.partition(":")
        found = importlib.import_module(module)
        if not hasattr(found, constant):
            raise AttributeError(f"{place} is no constant any more")
        setattr(found, constant, value)
    services._run(name, settings, log)


def send(process: ForkServerProcess, number: signal.Signals) -> None:
    """Send a signal, if there is anybody left."""
    if process.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def is_alive(process: ForkServerProcess) -> bool:
    """Whether the process runs or is frozen. Not asked of the fork server: it may be gone itself."""
    return process.pid is not None and services._is_alive(process.pid)


async def end(process: ForkServerProcess, number: signal.Signals, *, within: float = 30.0) -> None:
    """Send a signal and wait until the process is gone; kill it if it is not in time."""
    send(process, number)
    deadline = time.monotonic() + within
    while is_alive(process) and time.monotonic() < deadline:  # noqa: ASYNC110 - processes that are not our children
        await asyncio.sleep(0.02)
    if is_alive(process):
        send(process, signal.SIGKILL)
        await until(lambda: not is_alive(process))
