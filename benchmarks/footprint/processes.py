"""The processes that are measured: one that imports what a service imports, and the service itself."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from contracts import ServiceName
from ops.ports import free_port
from ops.start import UNUSED
from tests.ops.conftest import environment

PATIENCE = 90.0

_TELLING = """
import os, signal, sys
before, told_to = set(sys.modules), sys.argv.pop(1)
ours = {"contracts", "shared", "services", "ops", "migrations", "simulators"}
def tell(*_):
    names = [n for n, m in sys.modules.items() if m and n not in before and n.partition(".")[0] not in ours]
    with open(told_to, "w") as file:
        file.write(" ".join(names))
    os._exit(0)
signal.signal(signal.SIGUSR1, tell)
from ops.start import main
main()
"""
_IMPORT = """
import importlib, sys, time
from contextlib import suppress
unused, names = (line.split() for line in sys.stdin)
sys.modules.update(dict.fromkeys(unused))
for name in names:
    with suppress(Exception):  # some are made by the import of others
        importlib.import_module(name)
print("imported", flush=True)
time.sleep(3600)
"""


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took a process: seconds with a CPU of its own, CPU seconds."""

    alone: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Running:
    """A service that is ready, and what that took."""

    process: asyncio.subprocess.Process
    took: Times


@dataclass(frozen=True, slots=True)
class Memory:
    """MB: the resident set, its share, and what of it is private.

    The share (Pss) counts a page that n processes have mapped as 1/n: with all services running, what a machine has
    less of. Private is what are no pages of files: what a container is charged for and cannot give back.
    """

    resident: float
    share: float
    private: float


def memory(pid: int) -> Memory:
    """The process's memory now."""
    lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    kilobytes = {name: int(size) for name, size, *_unit in lines}
    return Memory(*(kilobytes[name] / 1024 for name in ("Rss:", "Pss:", "Anonymous:")))


def times(pid: int, began: float) -> Times:
    """What the process took since `began` (monotonic): the time in which it waited for a CPU does not count."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    waited = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    cpu = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return Times(time.monotonic() - began - waited, cpu)


async def imports_of(service: ServiceName, settings: dict[str, str], logs: Path) -> str:
    """The third-party and standard modules that the service has imported by the time it is ready, in their order."""
    told = logs / f"{service}.modules"
    async with AsyncExitStack() as stack:
        running = await start(service, settings, logs, stack, program=("-c", _TELLING, str(told)))
        running.process.send_signal(signal.SIGUSR1)
        await running.process.wait()
    return told.read_text()


async def import_only(modules: str) -> tuple[Memory, Times]:
    """Import them in a process; give its memory, and what it took."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _IMPORT), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{' '.join(UNUSED)}\n{modules}".encode())
        process.stdin.close()
        await process.stdout.readline()
        took = times(process.pid, began)
        return memory(process.pid), took
    finally:
        process.kill()
        await process.wait()


async def start(
    service: ServiceName,
    settings: dict[str, str],
    logs: Path,
    stack: AsyncExitStack,
    program: Sequence[str] = ("-m", "ops"),
) -> Running:
    """Run a service until it is ready; `stack` ends it."""
    port = free_port()
    health = {"VRS_HEALTH_HOST": "127.0.0.1", "VRS_HEALTH_PORT": str(port), "VRS_LOG_FORMAT": "json"}
    log = logs / f"{service}.log"
    began = time.monotonic()
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *program, "run", service.value),
            env=environment(**settings, **health),
            stdout=sink,
            stderr=sink,
        )
    stack.push_async_callback(end, process)
    async with httpx.AsyncClient() as http, asyncio.timeout(PATIENCE):
        while True:
            with suppress(httpx.HTTPError):
                if (await http.get(f"http://127.0.0.1:{port}/health/ready")).is_success:
                    return Running(process, times(process.pid, began))
            if process.returncode is not None:
                raise RuntimeError(f"{service} has ended; see {log}")
            await asyncio.sleep(0.01)


async def end(process: asyncio.subprocess.Process) -> float:
    """Seconds from SIGTERM to the end."""
    began = time.monotonic()
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    await process.wait()
    return time.monotonic() - began
