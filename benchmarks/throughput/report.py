"""What a session says: a table on the terminal, the same in docs/performance.md, plots beside it."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.throughput.plots import draw
from benchmarks.throughput.session import Session

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

COLUMNS = {
    "orders_per_second": ("orders/s", ",.0f"),
    "cpu_client": ("CPU ms, client", ".2f"),
    "cpu_database": ("CPU ms, PostgreSQL", ".2f"),
    "cpu_broker": ("CPU ms, RabbitMQ", ".2f"),
    "fsyncs_database": ("fsyncs, PostgreSQL", ".2f"),
    "memory_largest": ("MB, largest process", ".0f"),
    "memory_all": ("MB, all", ".0f"),
}
QUANTILES = ("p50", "p95", "p99")


def print_table(session: Session) -> None:
    """Print the medians, the fastest first."""
    for title, heads, rows in (
        ("Saturated, per order, median of the rounds", *_throughput(session)),
        ("Milliseconds from order to last step, open loop: p50 / p95 / p99", *_latency(session)),
    ):
        table = Table(*heads, title=title)
        for row in rows:
            table.add_row(*row)
        Console().print(table)


def write_docs(session: Session, page: Path = PAGE) -> None:
    """Replace the measured part of the page and draw the plots beside it."""
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    parts = [
        f"Measured {session.at[:16].replace('T', ' ')} UTC with `{session.command}`.",
        _markdown(("what", "which"), [(name, value) for name, value in session.machine.items()]),
        _markdown(*_throughput(session)),
        "Milliseconds from an order to its last step, open loop, p50 / p95 / p99; - where the rate was too much:",
        _markdown(*_latency(session)),
        "![Throughput](performance-throughput.svg)",
        "![Latency](performance-latency.svg)",
    ]
    page.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}")
    draw(session, DOCS)


def _throughput(session: Session) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    names = sorted(session.results, key=lambda name: -session.middle(name, "orders_per_second"))
    heads = ("", *(head for head, _ in COLUMNS.values()), "rounds")
    rows = [
        (
            name,
            *(format(session.middle(name, figure), spec) for figure, (_, spec) in COLUMNS.items()),
            " ".join(f"{result['orders_per_second']:,.0f}" for result in session.results[name]),
        )
        for name in names
    ]
    return heads, rows


def _latency(session: Session) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    rates = session.rates()
    rows = [(name, *(_quantiles(session, name, rate) for rate in rates)) for name in session.latencies]
    return ("", *(f"{rate} orders/s" for rate in rates)), rows


def _quantiles(session: Session, name: str, rate: str) -> str:
    found = [session.latency(name, rate, quantile) for quantile in QUANTILES]
    return " / ".join("-" if value is None else f"{value:.0f}" for value in found) if any(found) else "-"


def _markdown(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
