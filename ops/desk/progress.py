"""A replay as people watch it: before it, while it runs, and what came of it."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ops.desk.letter import would
from shared.database import Database
from shared.dead_letters.explain import contract_of
from shared.dead_letters.queues import holding
from shared.dead_letters.replay import Report
from shared.dead_letters.room import read_bodies, read_room
from shared.dead_letters.view import Choose, joined
from shared.models import LetterOutcome

MOST_LINES = 1000
"""So many letters are told one by one at the end."""


@contextmanager
def watching(*, as_json: bool) -> Iterator[Callable[[Report], None]]:
    """Give what shows a report on stderr: a bar on a terminal, and at Ctrl-C how far it came."""
    seen: list[Report] = []
    try:
        with _showing(as_json=as_json) as show:

            def watch(report: Report) -> None:
                seen[:] = [report]
                show(report)

            yield watch
    except asyncio.CancelledError:
        how_far = [f"{report.sent} of {len(report.chosen)} sent, the rest is where it was" for report in seen]
        done = how_far[0] if how_far else "nothing more is sent"
        typer.echo(f"Stopped: {done}; `vrs dlq history` tells what became of them", err=True)
        raise


@contextmanager
def _showing(*, as_json: bool) -> Iterator[Callable[[Report], None]]:
    if as_json or not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("replaying", total=None)

        def show(report: Report) -> None:
            counts = ", ".join(f"{count} {name}" for name, count in sorted(report.counts.items()))
            progress.update(bar, total=len(report.chosen), completed=report.sent, description=counts or "replaying")

        yield show


def print_report(report: Report, *, as_json: bool) -> bool:
    """Print what became of each; return whether all is well."""
    for notice in report.notices:
        print(notice, file=sys.stderr)  # noqa: T201 - to a person
    well = not (report.refused or report.stopped or LetterOutcome.DEAD_AGAIN in report.outcomes.values())
    if as_json:
        outcomes = [
            {"id": letter.short, "consumer": letter.consumer, "event_id": str(letter.event_id), "outcome": outcome}
            for letter in report.chosen
            if (outcome := report.outcomes.get(letter.key))
        ]
        said = {"sent": report.sent, "counts": report.counts, "stopped": report.stopped, "letters": outcomes}
        typer.echo(json.dumps(said, ensure_ascii=False))
        return well
    for letter in report.chosen[:MOST_LINES]:
        if outcome := report.outcomes.get(letter.key):
            typer.echo(f"{letter.short}  {letter.slug or letter.project_id}  {letter.consumer}: {outcome}")
    for letter in report.refused:
        typer.echo(f"{letter.short}  {letter.consumer}: no queue takes it; has {letter.service} ever run here?")
    counts = ", ".join(f"{count} {name}" for name, count in sorted(report.counts.items())) or "nothing is dead"
    typer.echo(f"{report.sent} of {len(report.chosen)} sent: {counts}")
    if report.stopped:
        typer.echo(f"Stopped: {report.stopped}")
    return well


async def dry_run(database: Database, amqp_url: str, choose: Choose, *, as_json: bool) -> None:
    """Say for each letter what a replay would do now; nothing is changed and no vendor is asked."""
    async with holding(amqp_url) as held:
        async with database.autocommit.begin() as connection:
            view = await joined(database, await read_room(connection), held)
        letters = choose(view)
        async with database.autocommit.begin() as connection:
            kept = await read_bodies(connection, [letter.key for letter in letters if not letter.letters])
    found = []
    for letter in letters:
        bodies = [each.body for each in letter.letters] or [each.body for each in [kept.get(letter.key)] if each]
        said = await would(database, letter, bodies[0]) if bodies else ["nothing: it is not dead any more"]
        contract = contract_of(letter.consumer)
        found.append({"id": letter.short, "consumer": letter.consumer, "slug": letter.slug, "would": said})
        if not as_json:
            typer.echo(
                f"{letter.short}  {letter.slug or letter.project_id}  {contract.type if contract else letter.consumer}"
            )
            for line in said:
                typer.echo(f"  {line}")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
