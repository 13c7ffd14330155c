"""``vrs domains``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from shared.base_domains import DomainLine

Name = Annotated[str, typer.Argument(help="The domain, for example vrs.example.")]

app = typer.Typer(
    help="""See, add and remove the base domains: zones of ours at INWX under which projects get a name.

    Examples:
      vrs domains list
      vrs domains add vrs-projects.example
    """,
    no_args_is_help=True,
)


@app.command("list")
def list_domains(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the base domains and how many projects have a name under each.

    Not on a terminal: a line each, with a tab between.

    Examples:
      vrs domains list
      vrs domains list --json

    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from ops.connection import connected
    from shared.base_domains import domain_lines
    from shared.hosts import as_shown

    async def read() -> "list[DomainLine]":
        async with connected() as database:
            return await domain_lines(database.engine)

    lines = asyncio.run(read())
    if as_json:
        typer.echo(json.dumps([asdict(line) for line in lines]))
    elif not sys.stdout.isatty():
        for line in lines:
            typer.echo(f"{line.name}\t{line.projects}")
    else:
        table = Table("base domain", "projects")
        for line in lines:
            table.add_row(as_shown(line.name), str(line.projects))
        Console().print(table if lines else "There are no base domains: `vrs domains add --help`.")


@app.command()
def add(name: Name) -> None:
    """Offer names under a domain. Its zone must be in the INWX account: `vrs doctor dns` asks INWX.

    Examples:
      vrs domains add vrs-projects.example

    """
    from ops.connection import connected
    from shared.base_domains import add_domain

    stored = _stored(name)

    async def write() -> bool:
        async with connected() as database:
            return await add_domain(database.engine, stored)

    typer.echo(f"{name} is a base domain{'' if asyncio.run(write()) else ' already'}.")


@app.command()
def remove(name: Name) -> None:
    """Offer no names under a domain any more. Refused while a project has one. Nothing is changed at INWX.

    Examples:
      vrs domains remove vrs-projects.example

    """
    from ops.connection import connected
    from shared.base_domains import remove_domain

    stored = _stored(name)

    async def write() -> None:
        async with connected() as database:
            await remove_domain(database.engine, stored)

    asyncio.run(write())
    typer.echo(f"{name} is no base domain any more.")


def _stored(name: str) -> str:
    from shared.hosts import as_stored

    try:
        return as_stored(name)
    except ValueError as error:
        raise CommandError(str(error), exit_code=2) from error
