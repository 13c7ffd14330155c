"""``vrs projects`` and ``vrs log``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text
    from sqlalchemy import Row

    from ops.story import ProjectLine

LOOK_EVERY = 0.5

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def projects(*, as_json: AsJson = False) -> None:
    """List the projects: where each stands and what it waits for.

    Not on a terminal: a line each, with whole ids and tabs between.

    Examples:
      vrs projects
      vrs projects --json

    """
    import asyncio

    from ops.connection import connected
    from ops.story import plain, project_lines

    async def read() -> "list[ProjectLine]":
        async with connected() as database:
            return await project_lines(database.engine)

    lines = asyncio.run(read())
    if as_json:
        typer.echo(json.dumps([line.as_json() for line in lines], default=plain))
    else:
        _print_projects(lines)


def log(
    project: Annotated[str, typer.Argument(help="The project's id or slug.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell a project's story: every step, what it did, how often it was tried.

    With --json a JSON object on each line.

    Examples:
      vrs log baeckerei-sommer
      vrs log 019a5f2c-7d1e-7c3a-9b1f-2f0f6c1d8e42 --follow

    """
    import asyncio

    from ops import foreground
    from ops.connection import connected
    from ops.story import find_project, log_rows

    async def tell() -> None:
        async with connected() as database:
            project_id = await find_project(database.engine, project)
            last = 0
            while True:
                rows = await log_rows(database.engine, [project_id], after=last)
                _print_rows(rows, as_json=as_json)
                last = rows[-1].id if rows else last
                if not follow:
                    return
                await asyncio.sleep(LOOK_EVERY)

    foreground.run(tell())


def _print_projects(lines: "list[ProjectLine]") -> None:
    from rich.console import Console
    from rich.table import Table

    from shared.hosts import as_shown, shown_in

    if not sys.stdout.isatty():  # whole ids, for the next command of a pipe
        for line in lines:
            state = line.state.value if line.state else ""
            names = (line.slug or "", line.fqdn or "")
            typer.echo("\t".join([str(line.project_id), *names, state, *map(str, line.waiting)]))
        return
    table = Table("project", "slug", "name", "state", "ordered (UTC)", "waits for")
    for line in lines:
        table.add_row(
            str(line.project_id),
            line.slug or "",
            as_shown(line.fqdn or ""),
            line.state.value if line.state else "",
            f"{line.ordered_at:%Y-%m-%d %H:%M:%S}" if line.ordered_at else "",
            shown_in("\n".join(map(str, line.waiting))),
        )
    Console().print(table if lines else "There are no projects.")


def _print_rows(rows: "Sequence[Row[Any]]", *, as_json: bool) -> None:
    from ops.story import log_as_json, plain

    if as_json:
        for row in rows:
            typer.echo(json.dumps(log_as_json(row), default=plain))
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for row in rows:
        console.print(_line(row))


def _line(row: "Row[Any]") -> "Text":
    from rich.text import Text

    from shared.hosts import shown_in

    style = {"dead": "red", "retrying": "yellow", "completed": "green"}.get(row.status.value, "cyan")
    return Text.assemble(
        (f"{row.at:%Y-%m-%d %H:%M:%S} ", "dim"),
        f"{row.service:<12}",
        (f"{row.status.value:<11}", style),
        shown_in(row.message),
        (f"  ({row.duration_ms / 1000:.2f} s, try {row.attempt})", "dim"),
    )
