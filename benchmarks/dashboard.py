"""Draws the Grafana dashboard's panels as they look while orders come: the same queries, asked of a real Prometheus.

    python -m benchmarks.dashboard                    two minutes; writes docs/dashboard.png

Grafana itself is no package of Debian or of any registry that this project uses, hence a plot. Needs the program
`prometheus` (Debian's package) and matplotlib (`make .venv/.bench`). An order comes each second; in the middle INWX
fails for a while, so that there is something to see.
"""

import argparse
import asyncio
import json
import math
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import matplotlib as mpl

from ops.demo.copies import example_orders, hold_own_domains
from ops.orders import place
from ops.places import ORDERS, new_log_folder
from ops.ports import free_port
from ops.system import System, running_system
from ops.vendors import Latencies
from shared.orders import order_of

mpl.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]
SCRAPE = 2
WIDTH, ROW = 24, 0.28
"""Of Grafana's grid: columns, and inches a row."""


@asynccontextmanager
async def prometheus(system: System) -> AsyncIterator[str]:
    """Run a Prometheus that scrapes the services; give its URL."""
    targets = [
        {"targets": [f"127.0.0.1:{service.port}"], "labels": {"instance": service.name}} for service in system.services
    ]
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="vrs-prometheus-") as folder:
        config = {
            "global": {"scrape_interval": f"{SCRAPE}s"},
            "scrape_configs": [{"job_name": "vrs", "static_configs": targets}],
        }
        (Path(folder) / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        process = await asyncio.create_subprocess_exec(
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


async def load(system: System, seconds: float) -> None:
    """Let an order come each second, with a bad time in the middle."""
    assert system.simulators.inwx is not None
    began, orders = time.monotonic(), iter(example_orders(ORDERS, int(seconds)))
    refused = False
    async with httpx.AsyncClient() as http:
        for order in orders:
            if time.monotonic() - began > seconds:
                return
            await hold_own_domains(system.simulators, [order])
            await place(system.database, [order_of(order.data.model_dump(), order.subject)])
            if not refused and time.monotonic() - began > seconds * 0.5:
                refused = True
                fault = {"call": "*", "kind": "error", "times": 60}
                await http.post(system.simulators.inwx.control_url, json={"fault": fault})
            await asyncio.sleep(1)


async def series(http: httpx.AsyncClient, url: str, query: str, begin: float, end: float) -> list[dict[str, Any]]:
    """What Prometheus answers to a panel's query over the time of the run."""
    asked = query.replace("$__rate_interval", f"{SCRAPE * 8}s").replace("$consumer", ".*")
    answer = await http.get(
        f"{url}/api/v1/query_range", params={"query": asked, "start": begin, "end": end, "step": SCRAPE}
    )
    found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
    return found


def named(legend: str, labels: dict[str, str]) -> str:
    """Grafana's legend: ``{{consumer}} {{outcome}}``."""
    for name, value in labels.items():
        legend = legend.replace(f"{{{{{name}}}}}", value)
    return legend


async def draw(url: str, begin: float, end: float, target: Path) -> None:
    """Draw each panel where the dashboard has it."""
    panels = json.loads((ROOT / "monitoring" / "dashboard.json").read_text())["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = plt.figure(figsize=(15, rows * ROW), facecolor="white")
    async with httpx.AsyncClient() as http:
        for panel in panels:
            place_ = panel["gridPos"]
            left, width = place_["x"] / WIDTH, place_["w"] / WIDTH
            bottom, height = 1 - (place_["y"] + place_["h"]) / rows, place_["h"] / rows
            if panel["type"] == "row":
                figure.text(left + 0.005, bottom + height / 3, panel["title"], weight="bold", size=11)
                continue
            axes = figure.add_axes((left + 0.035, bottom + 0.012, width - 0.05, height - 0.03))
            axes.set_title(panel["title"], size=9, loc="left")
            for asked in panel["targets"]:
                for line in await series(http, url, asked["expr"], begin, end):
                    points = [(float(at) - begin, float(value)) for at, value in line["values"]]
                    points = [(at, value) for at, value in points if math.isfinite(value)]
                    if panel["type"] == "stat":
                        axes.text(0.5, 0.5, f"{points[-1][1]:g}" if points else "-", size=22, ha="center", va="center")
                    elif points:
                        axes.plot(*zip(*points, strict=True), label=named(asked["legendFormat"], line["metric"]), lw=1)
            if panel["type"] == "stat":
                axes.axis("off")
            else:
                axes.set_xlim(0, end - begin)
                axes.set_ylim(bottom=0)
                axes.tick_params(labelsize=7)
                axes.grid(alpha=0.3)
                if handles := axes.get_legend_handles_labels()[0]:
                    axes.legend(handles=handles[:8], fontsize=6, loc="upper left", framealpha=0.6)
    figure.savefig(target, dpi=90)


async def main(seconds: float, target: Path) -> None:
    """Run, ask, draw."""
    async with running_system(new_log_folder(), Latencies(call=0.05, deployment=2.0, boot=1.0)) as system:
        await system.wait()
        async with prometheus(system) as url:
            begin = time.time()
            await load(system, seconds)
            await asyncio.sleep(SCRAPE * 10)
            await draw(url, begin, time.time(), target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--target", type=Path, default=ROOT / "docs" / "dashboard.png")
    wanted = parser.parse_args()
    if shutil.which("prometheus") is None:
        sys.exit("There is no prometheus: install Debian's package of that name")
    asyncio.run(main(wanted.seconds, wanted.target))
