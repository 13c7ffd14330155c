"""What a person sees: a bar while it runs, a table at the end; and the same as JSON."""

from collections import Counter
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.chaos import run
from tests.chaos.checker import Judgement
from tests.chaos.plan import Kind


class Bar:
    """The progress bar of a run of `orders`. Use as a context manager; `show` is told of the progress."""

    def __init__(self, console: Console, orders: int) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.fields[phase]:<9}"),
            BarColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=orders, phase="", counts="", now="")
        self._last = -15.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: run.Progress) -> None:
        """Move the bar; without a terminal, a line every 15 seconds."""
        counts = (
            f"{progress.live} live, {progress.cancelled} cancelled, {progress.dead} dead of {progress.ordered} ordered"
        )
        now = progress.current[-1] if progress.current else ""
        done = progress.live + progress.cancelled
        self._bar.update(self._task, completed=done, phase=progress.phase, counts=counts, now=now)
        if not self._console.is_terminal and progress.seconds - self._last >= 15:
            self._last = progress.seconds
            self._console.print(f"{progress.seconds:5.0f} s  {progress.phase}: {counts}  {now}", highlight=False)


def tables(console: Console, played: run.Run, judgement: Judgement) -> None:
    """Print what was disturbed how often, and what came of it."""
    times = Counter(each.kind for each in played.disturber.happened)
    table = Table("disturbance", "times", title=f"seed {played.plan.seed}")
    for kind in Kind:
        table.add_row(kind.value, str(times[kind]))
    table.add_row("service ended by itself, restarted", str(len(played.stage.deaths)))
    console.print(table)
    result = Table("result", "number")
    for name, number in _results(played, judgement).items():
        result.add_row(name, "never quiet" if number is None else str(number))
    for wrong, number in judgement.counts.items():
        result.add_row(wrong.value, str(number), style="red" if number else "green")
    console.print(result)
    for finding in judgement.findings[:50]:
        console.print(str(finding), style="red", highlight=False, soft_wrap=True)
    if len(judgement.findings) > 50:
        console.print(f"and {len(judgement.findings) - 50} more")


def as_json(played: run.Run, judgement: Judgement) -> dict[str, Any]:
    """The same for programs."""
    return {
        "seed": played.plan.seed,
        "disturbances": dict(Counter(each.kind.value for each in played.disturber.happened)),
        "results": _results(played, judgement),
        "second_mails": judgement.second_mails,
        "wrong": {wrong.value: number for wrong, number in judgement.counts.items()},
        "findings": [
            {"wrong": f.wrong.value, "project": f.project, "what": f.what, "where": f.where} for f in judgement.findings
        ],
    }


def _results(played: run.Run, judgement: Judgement) -> dict[str, Any]:
    quiet = played.progress.quiet_after
    return {
        "orders live": judgement.live,
        "orders cancelled": judgement.cancelled,
        "events on the bus": len(played.bus.heard),
        "copies of events heard": sum(played.bus.copies.values()) - len(played.bus.heard),
        "dead letters, explained and replayed": judgement.deaths,
        "mails that came a second time, explained": sum(judgement.second_mails.values()),
        "services that ended by themselves": len(played.stage.deaths),
        "seconds until quiet": None if quiet is None else round(quiet, 1),
    }
