"""The plots of a session, as PNG and SVG; matplotlib comes with the group ``bench``."""

from pathlib import Path
from typing import Any

from benchmarks.throughput.session import Session


def draw(session: Session, folder: Path) -> None:
    """Write ``performance-throughput`` and ``performance-latency`` into `folder`."""
    import matplotlib as mpl  # noqa: PLC0415 - comes with the group bench only

    mpl.use("Agg")
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    names = sorted(session.results, key=lambda name: session.middle(name, "orders_per_second"))
    throughput = Figure(figsize=(8, 0.5 * len(names) + 1.2), layout="constrained")
    axes = throughput.subplots()
    bars = axes.barh(names, [session.middle(name, "orders_per_second") for name in names])
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.set_xlabel("orders per second through four steps")
    _save(throughput, folder / "performance-throughput")

    latency = Figure(figsize=(8, 4.5), layout="constrained")
    axes = latency.subplots()
    rates = session.rates()
    for name in session.latencies:
        points = [(float(rate), p99) for rate in rates if (p99 := session.latency(name, rate, "p99")) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", label=name)
    axes.set(xlabel="orders per second", ylabel="ms from order to last step, p99", yscale="log")
    if session.latencies and rates:
        axes.legend(frameon=False)
    _save(latency, folder / "performance-latency")


def _save(figure: Any, path: Path) -> None:
    for suffix in (".png", ".svg"):
        figure.savefig(path.with_suffix(suffix), dpi=150)
