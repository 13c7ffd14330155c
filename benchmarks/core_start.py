"""How fast vrs-core starts with many plugins, and how much memory it takes.

    python -m benchmarks.core_start                    20 plugins of 1 MB on loopback, five starts
    python -m benchmarks.core_start --plugins 50       more of them

Each start is a process of its own with an empty home, against a marketplace of this process that signs real manifests
and sends real archives. Healthy counts from the start of the process, interpreter and imports included; "CPU" is that
process and the checks that it runs. Exit 1 if the median is above 3 s or the largest memory above 80 MB.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.services.core.container import Container, container_of
from tests.services.core.shop import Shop, open_shop

MEGABYTE = 1024 * 1024
MOST_SECONDS, MOST_MEGABYTES = 3.0, 80.0


@dataclass(frozen=True)
class Start:
    """One start: seconds until healthy, its phases, the most memory of the process in MB, CPU seconds."""

    seconds: float
    phases: dict[str, float]
    peak: float
    cpu: float


async def start(shop: Shop, home: Path) -> Start:
    """Start once."""
    began = time.monotonic()
    async with container_of(shop, home) as core:
        report = await core.until_state("healthy")
        return Start(time.monotonic() - began, report["phases"], peak_of(core), cpu_of(core))


def peak_of(core: Container) -> float:
    """The process's highest resident set in MB."""
    lines = Path(f"/proc/{pid_of(core)}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def cpu_of(core: Container) -> float:
    """User and system seconds of the process and its ended children."""
    fields = Path(f"/proc/{pid_of(core)}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def pid_of(core: Container) -> int:
    """The process's id."""
    assert core.process is not None
    return core.process.pid


async def measure(plugins: int, starts: int) -> list[Start]:
    """Start `starts` times with `plugins` plugins of 1 MB that do not compress."""
    async with open_shop() as shop:
        for number in range(plugins):
            shop.add(f"plugin-{number}", files={"data.bin": os.urandom(MEGABYTE)})
        with tempfile.TemporaryDirectory(prefix="vrs-core-start-") as folder:
            return [await start(shop, Path(folder) / str(number)) for number in range(starts)]


def main() -> None:
    """Measure, show, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugins", type=int, default=20)
    parser.add_argument("--starts", type=int, default=5)
    wanted = parser.parse_args()
    found = asyncio.run(measure(wanted.plugins, wanted.starts))
    table = Table("start", "healthy after", "CPU", "peak memory", "phases", title=f"{wanted.plugins} plugins of 1 MB")
    for number, each in enumerate(found, start=1):
        phases = ", ".join(f"{phase} {seconds:.2f}" for phase, seconds in each.phases.items())
        table.add_row(str(number), f"{each.seconds:.2f} s", f"{each.cpu:.2f} s", f"{each.peak:.0f} MB", phases)
    Console().print(table)
    middle, most = median(each.seconds for each in found), max(each.peak for each in found)
    print(f"median {middle:.2f} s, at most {most:.0f} MB")
    sys.exit(middle > MOST_SECONDS or most > MOST_MEGABYTES)


if __name__ == "__main__":
    main()
