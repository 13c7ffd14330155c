"""``vrs db``: the schema and what has to stand in it."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands import migrate
from ops.failure import CommandError

if TYPE_CHECKING:
    from ops.seeding import Difference

app = typer.Typer(
    help="""Migrate the database, and load what has to stand in it before orders come.

    A new installation needs both, in this order, before its services start. In a database that has the marketplace's
    tables, look first what would happen to them.

    Examples:
      vrs db adopt --dry-run
      vrs db upgrade
      vrs db grants secrets/database_roles.json
      vrs db seed
    """,
    no_args_is_help=True,
)


app.command("upgrade")(migrate.upgrade)
app.command("adopt")(migrate.adopt)
app.command("downgrade")(migrate.downgrade)


@app.command()
def grants(
    verifiers: Annotated[
        Path | None,
        typer.Argument(
            help="The passwords' verifiers, as `vrs secrets` writes them; else those of VRS_DATABASE_ROLES."
        ),
    ] = None,
    *,
    show: Annotated[bool, typer.Option("--show", help="Print the SQL instead, without passwords.")] = False,
) -> None:
    """Make a role for each service (vrs_dns, …) that may do what its code needs, and nothing else.

    Needs a role that may create roles. What a service's role could do before with our tables is taken away. Say it
    after each `vrs db upgrade`; doing it again changes nothing. Without a file or the variable no password is set.

    Examples:
      vrs db grants secrets/database_roles.json
      vrs db grants --show

    """
    from ops.connection import connected
    from ops.contracts.system import build_services
    from ops.grants import apply, given_verifiers, read_verifiers, statements

    passwords = read_verifiers(verifiers) if verifiers else given_verifiers()

    async def grant() -> None:
        services = await build_services()
        if show:
            typer.echo(";\n".join(statements(services, {})) + ";")
            return
        async with connected() as database:
            await apply(database.engine, services, passwords)
        typer.echo(f"{len(services)} roles have what they need.")

    asyncio.run(grant())


@app.command()
def seed(
    files: Annotated[
        list[Path] | None, typer.Argument(help="TOML files or folders of them; without one the local system's.")
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Change what is there without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is different as JSON.")] = False,
) -> None:
    """Load base domains, servers, project types, prices and bundles from TOML files, all or nothing.

    What is new is added. Before anything that is there becomes another, the difference is shown and you are asked;
    where nobody can be asked, exit 1 without --yes. What a file leaves out stays, and so do the places that are taken.
    seeds/ shows what files look like, and is what the simulators know.

    Examples:
      vrs db seed
      vrs db seed catalogue.toml production.toml
      vrs db seed production --yes

    """
    from ops.connection import connected
    from ops.places import SEED
    from ops.seed import read_seed
    from ops.seeding import difference, write_seed

    wanted = read_seed(*(files or [SEED]))

    async def run() -> bool:
        async with connected() as database:
            found = await difference(database.engine, wanted)
            if may_write := yes or not found.changes_existing or _agrees(found, as_json=as_json):
                found = await write_seed(database.engine, wanted, shown=found)
            _tell(found, is_written=may_write, as_json=as_json)
            return may_write

    if not asyncio.run(run()):
        raise CommandError("Nothing was written: say yes to the changes, or call again with --yes")


def _agrees(found: "Difference", *, as_json: bool) -> bool:
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    for change in found.changes:
        typer.echo(str(change))
    return typer.confirm("Write this?")


def _tell(found: "Difference", *, is_written: bool, as_json: bool) -> None:
    from ops.seeding import ChangeKind

    if as_json:
        changes = [
            {"table": each.table, "name": each.name, "change": each.kind, "columns": each.columns}
            for each in found.changes
        ]
        typer.echo(json.dumps({"written": is_written, "changes": changes, "unchanged": found.same}, default=str))
        return
    for change in found.changes:
        typer.echo(str(change))
    counts = ", ".join(
        f"{found.count(kind)} {kind if is_written else f'to be {kind}'}"
        for kind in ChangeKind
        if kind is not ChangeKind.REMOVED or found.count(kind)
    )
    typer.echo(f"{counts}, {found.same} as they were.")
