"""What a person sees: a live table on a terminal, else a line for each change; at the end a timeline per order."""

from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text
from sqlalchemy import Row

from ops.demo.watch import STEPS, Watch, Watched

FRAME = 8
"""Lines of a terminal that the live table's frame and the prompt take."""


class Show:
    """Tells the progress on `console`. Use as a context manager."""

    def __init__(self, console: Console, watch: Watch) -> None:
        self._console = console
        self._watch = watch
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, news: Sequence[tuple[Watched, Row[Any]]]) -> None:
        """Show what is new."""
        if self._live is not None:
            self._live.update(_table(self._watch, self._console.height - FRAME), refresh=True)
            return
        for watched, row in news:
            moment = f"{watched.since_order(row):6.2f} s"
            told = f"{row.service} {row.status.value}: {row.message.splitlines()[0]}"
            self._console.print(f"{moment}  {watched.order.data.slug}  {told}", soft_wrap=True, highlight=False)

    def timelines(self) -> None:
        """Tell each order's whole story."""
        for watched in self._watch.orders.values():
            self._console.print(_timeline(watched), soft_wrap=True)


def _table(watch: Watch, most: int) -> Table:
    columns = [Column(name, no_wrap=True) for name in ("order", "name", *STEPS)]
    table = Table(*columns, title=f"{watch.seconds:.0f} s", title_justify="left")
    unfinished_first = sorted(watch.orders.values(), key=lambda watched: watched.is_done)
    for watched in unfinished_first[: max(most, 1)]:
        data = watched.order.data
        table.add_row(data.slug, data.fqdn, *(_cell(watched, step) for step in STEPS))
    done = sum(watched.is_done for watched in watch.orders.values())
    table.caption = f"{done} of {len(watch.orders)} live"
    return table


def _cell(watched: Watched, step: str) -> Text:
    row, waiting = watched.completed(step), watched.waiting(step)
    if row is not None:
        return Text(f"✓ {watched.since_order(row):.1f} s", "green")
    if waiting is not None:
        reason = (waiting.reason or "").split("\n", 1)[0]
        return Text(f"{waiting.state} {reason:.40}".strip(), "yellow" if waiting.attempt == 1 else "red")
    return Text("·", "dim")


def _timeline(watched: Watched) -> Text:
    data = watched.order.data
    took = "not live" if watched.seconds is None else f"live after {watched.seconds:.1f} s"
    lines = [Text(f"\n{data.slug}  https://{data.fqdn}  {took}", "bold")]
    before, width = 0.0, max((len(row.consumer) for row in watched.rows), default=0) + 2
    for row in watched.rows:
        now = watched.since_order(row)
        happened = row.message.split("\n", 1)[0]
        lines.append(
            Text(f"{now:7.2f} s {now - before:+7.2f} s  {row.consumer:<{width}}{row.status.value:<11}{happened}")
        )
        before = now
    if not watched.is_done:
        lines.append(Text(f"{'':20}{watched.waits_for()}", "red"))
    return Text("\n").join(lines)
