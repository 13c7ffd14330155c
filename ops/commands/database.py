"""``vrs db``: the schema and what has to stand in it."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="""Migrate the database, and load base domains and servers.

    A new installation needs both, in this order, before its services start.

    Examples:
      vrs db upgrade
      vrs db grants secrets/database_roles.json
      vrs db seed
    """,
    no_args_is_help=True,
)


@app.command()
def upgrade() -> None:
    """Migrate the database to the newest schema.

    All in one transaction and under a lock: several containers may do it at once.

    Examples:
      VRS_DATABASE_URL=postgresql://vrs@db/vrs vrs db upgrade

    """
    from ops import schema
    from ops.connection import connected

    async def migrate() -> str | None:
        async with connected() as database:
            await schema.upgrade(database.engine)
            return await schema.revision_of(database.engine)

    typer.echo(f"The database is at revision {asyncio.run(migrate())}.")


@app.command()
def grants(
    verifiers: Annotated[
        Path | None, typer.Argument(help="The passwords' verifiers, as `vrs secrets` writes them; else none is set.")
    ] = None,
    *,
    show: Annotated[bool, typer.Option("--show", help="Print the SQL instead, without passwords.")] = False,
) -> None:
    """Make a role for each service (vrs_dns, …) that may do what its code needs, and nothing else.

    Needs a role that may create roles. What a service's role could do before with our tables is taken away. Say it
    after each `vrs db upgrade`; doing it again changes nothing.

    Examples:
      vrs db grants secrets/database_roles.json
      vrs db grants --show

    """
    from ops.connection import connected
    from ops.contracts.system import build_services
    from ops.grants import apply, read_verifiers, statements

    passwords = read_verifiers(verifiers) if verifiers else {}

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
