"""Servers as people read them: a table with bars on a terminal, lines with tabs for a pipe."""

import sys
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.models import ServerReach, ServerState
from shared.servers import ServerLine
from shared.what_if import Forecast

BAR = 12
TIGHT = 0.8
"""From this share on a bar is yellow, from 1 on red."""


def print_servers(lines: Sequence[ServerLine], waiting: int) -> None:
    """Print a row for each server, and how many orders wait."""
    if not sys.stdout.isatty():
        for line in lines:
            shares = (line.used, line.capacity, line.ram_mb_used, line.ram_mb, line.cpu_millicores_used)
            fields = (line.name, line.region, line.state, line.reach, *shares, line.cpu_millicores)
            print("\t".join("" if field is None else str(field) for field in fields))  # noqa: T201 - the output
        return
    table = Table("server", "region", "state", "places", "", "memory, GB", "", "cores", "")
    for line in lines:
        table.add_row(
            line.name,
            line.region,
            _state(line),
            *_share(line.used, line.capacity, 1),
            *_share(line.ram_mb_used, line.ram_mb, 1024),
            *_share(line.cpu_millicores_used, line.cpu_millicores, 1000),
        )
    console = Console()
    console.print(table if lines else "There are no servers: `vrs servers add --help`.")
    if waiting:
        console.print(Text(f"{waiting} order{'s wait' if waiting > 1 else ' waits'} for a place.", "bold yellow"))


def print_forecast(forecast: Forecast, orders: int) -> None:
    """Print a row for each server, and what becomes of the orders."""
    if not sys.stdout.isatty():
        for each in forecast.servers:
            fields = (each.server, each.region, each.used, each.waiting, each.new, each.capacity, each.verdict or "")
            print("\t".join(map(str, fields)))  # noqa: T201 - the output
    else:
        table = Table("server", "region", "before", "", "gets", "after", "", "then")
        for each in forecast.servers:
            after = each.used + each.waiting + each.new
            gets = f"{each.new} new" + (f", {each.waiting} that wait" if each.waiting else "")
            before, then = _share(each.used, each.capacity, 1), _share(after, each.capacity, 1)
            table.add_row(each.server, each.region, *before, gets, *then, each.verdict or "")
        Console().print(table)
    wait = f"{forecast.would_wait} would wait" if forecast.would_wait else "none would wait"
    first = f", after {forecast.waiting_now} that wait already" if forecast.waiting_now else ""
    print(f"Of {orders} orders {forecast.placed} would get a place by {forecast.strategy}{first}; {wait}.")  # noqa: T201


def _state(line: ServerLine) -> Text:
    if line.state is not ServerState.ACTIVE:
        return Text(line.state, "yellow")
    return Text("active", "green") if line.reach is ServerReach.USABLE else Text(f"Coolify: {line.reach}", "red")


def _share(taken: int, there: int | None, unit: int) -> tuple[RenderableType, str]:
    if there is None:
        return Text("", "dim"), f"{taken / unit:g}" if taken else ""
    share = taken / there if there else 1.0
    colour = "red" if share >= 1 else "yellow" if share >= TIGHT else "green"
    bar = ProgressBar(total=max(there, 1), completed=min(taken, there) if there else 1, width=BAR)
    bar.complete_style = bar.finished_style = colour
    return bar, f"{taken / unit:.3g} of {there / unit:.3g}" if unit > 1 else f"{taken} of {there}"
