"""``vrs cancel``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import getpass
import json
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from rich.table import Table

    from contracts import ProjectCancelled
    from shared.cancelling import Part
    from shared.database import Database

LOOK_EVERY = 0.3


def cancel(
    project: Annotated[str, typer.Argument(help="The project's id or slug.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; case workers read it.")],
    by: Annotated[str | None, typer.Option(help="Who asks for it; your user name if left out.")] = None,
    remove_volumes: Annotated[
        bool, typer.Option("--remove-volumes", help="Delete the project's data as well.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Show the parts being undone until all are.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, at the end.")] = False,
) -> None:
    """Cancel a project, wherever it stands: each service undoes exactly what it did. There is no way back.

    From the first moment on nothing more is begun for the project. The customer's data (volumes) are kept unless you
    say otherwise. If the broker is away, exit 1, and the marketplace service tells the others later. A project that
    is not known can be cancelled by its id: its order will have no effect. Cancelling again does no harm. Ctrl-C ends
    the show and not the cancellation.

    Examples:
      vrs cancel baeckerei-sommer --reason "ordered twice"
      vrs cancel 019a5f2c-7d1e-7c3a-9b1f-2f0f6c1d8e42 --reason "does not pay" --remove-volumes --no-wait

    """
    from pydantic import ValidationError

    from contracts import ProjectCancelled
    from contracts.problems import field_problems
    from ops import foreground
    from ops.connection import connected

    try:
        wish = ProjectCancelled(reason=reason, requested_by=by or getpass.getuser(), keep_volumes=not remove_volumes)
    except ValidationError as error:
        options = {"requested_by": "--by", "reason": "--reason"}
        problems = [f"{options.get(line.partition(':')[0], '')}: {line}" for line in field_problems(error)]
        raise CommandError("\n".join(problems), exit_code=2) from error

    async def act() -> None:
        async with connected() as database:
            await _cancel(database, project, wish, wait=wait, as_json=as_json)

    foreground.run(act())


async def _cancel(database: "Database", project: str, wish: "ProjectCancelled", *, wait: bool, as_json: bool) -> None:
    from ops.cancellation import cancel, named_project
    from shared.cancelling import mark_of
    from shared.settings import Settings, load

    amqp_url = load(Settings).amqp_url.get_secret_value()
    project_id, is_known = await named_project(database.engine, project)
    if not is_known:
        typer.echo(f"There is no project {project_id} (yet); should its order come, it has no effect.", err=True)
    event_id = await cancel(database, amqp_url, project_id, wish)
    parts: list[Part] = []
    if event_id is not None and wait:
        parts = await _show(database, project_id, event_id, quiet=as_json)
    mark = await mark_of(database.engine, project_id)
    if mark is None:
        raise CommandError(f"{project_id}: its cancellation mark is gone; somebody has changed the database")
    if as_json:
        outcome: dict[str, Any] = {
            "project_id": str(project_id),
            "event_id": None if event_id is None else str(event_id),
            "cancelled": mark.done,
            "since": mark.since.isoformat(),
            "requested_by": mark.requested_by,
            "reason": mark.reason,
            "parts": [{"service": part.service, "state": part.state, "told": part.told} for part in parts],
        }
        typer.echo(json.dumps(outcome))
    elif event_id is None:
        typer.echo(f"{project_id} is already cancelled: {mark.requested_by}, {mark.since:%Y-%m-%d %H:%M:%S} UTC.")
    elif mark.done:
        typer.echo(f"{project_id} is cancelled.")
    elif not wait:
        typer.echo(f"{project_id} is being cancelled; `vrs log {project_id} --follow` tells how.")
    if event_id is not None and wait and not mark.done:
        raise CommandError(_given_up(parts))


async def _show(database: "Database", project_id: UUID, event_id: UUID, *, quiet: bool) -> "list[Part]":
    """Show the parts until nothing more comes by itself, and return them."""
    import asyncio

    from rich.console import Console
    from rich.live import Live

    from shared.cancelling import parts_of

    console = Console(quiet=quiet, highlight=False, soft_wrap=True)
    shown: list[Part] = []
    with Live(console=console, auto_refresh=False) as live:
        while True:
            parts = await parts_of(database.engine, project_id, event_id)
            if console.is_terminal:
                live.update(_table(parts), refresh=True)
            else:
                for part in (part for part in parts if part not in shown):
                    console.print(f"{part.service} {part.state}" + (f": {part.told}" if part.told else ""))
            if all(part.is_over for part in parts):
                return parts
            shown = parts
            await asyncio.sleep(LOOK_EVERY)


def _table(parts: "list[Part]") -> "Table":
    from rich.table import Table

    styles = {"undone": "green", "given up": "red", "asked": "dim"}
    table = Table("part", "state", "")
    for part in parts:
        table.add_row(part.service, part.state, part.told, style=styles.get(part.state, "yellow"))
    return table


def _given_up(parts: "list[Part]") -> str:
    lines = [f"{part.service} has given up: {part.told}" for part in parts if part.state == "given up"]
    return "\n".join([*lines, "Remove the cause, then cancel again or replay the dead letter."])
