"""``vrs db``: the schema and what has to stand in it."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ops.commands import migrate

app = typer.Typer(
    help="""Migrate the database, and load base domains and servers.

    A new installation needs both, in this order, before its services start. In a database that has the marketplace's
    tables, look first what would happen to them.

    Examples:
      vrs db adopt --dry-run
      vrs db upgrade
      vrs db seed
    """,
    no_args_is_help=True,
)


app.command("upgrade")(migrate.upgrade)
app.command("adopt")(migrate.adopt)
app.command("downgrade")(migrate.downgrade)


@app.command()
def seed(
    file: Annotated[Path | None, typer.Argument(help="A TOML file; without one the local system's.")] = None,
) -> None:
    """Load base domains, servers and project types from a TOML file.

    Doing it again updates what stands there; how many places of a server are taken is never touched.
    seeds/local.toml shows what a file looks like, and is what the simulators know.

    Examples:
      vrs db seed
      vrs db seed production.toml

    """
    from ops.connection import connected
    from ops.places import SEED
    from ops.seed import read_seed, write_seed

    wanted = read_seed(file or SEED)

    async def write() -> None:
        async with connected() as database:
            await write_seed(database.engine, wanted)

    asyncio.run(write())
    typer.echo(
        f"{len(wanted.base_domains)} base domains, {len(wanted.servers)} servers and "
        f"{len(wanted.project_types)} project types are in the database."
    )
