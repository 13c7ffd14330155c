"""``vrs keys``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import getpass
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from shared.api_keys import KeyLine
    from shared.models import Scope

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

app = typer.Typer(
    help="""Make, list and revoke the keys with which programs call the order API.

    docs/api.md tells what each scope allows.

    Examples:
      vrs keys create web-shop --scope projects:read --scope projects:write
      vrs keys list
      vrs keys revoke web-shop
    """,
    no_args_is_help=True,
)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who uses it; it stands in the log of what is done with it.")],
    *,
    scope: Annotated[list[str], typer.Option(help="What it may do; give it as often as needed.")],
    days: Annotated[float | None, typer.Option(min=0.001, max=36500, help="It ends after so many days.")] = None,
    by: Annotated[str | None, typer.Option(help="Who makes it; your user name if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It is shown this once: the database keeps only a hash.

    Scopes: projects:read, projects:write, previews, servers:read, admin (everything).

    Examples:
      vrs keys create web-shop --scope projects:read --scope projects:write
      vrs keys create probe --scope projects:read --days 30 --json

    """
    from datetime import timedelta

    from ops.connection import connected
    from shared.api_keys import create_key

    scopes, lifetime = _scopes(scope), None if days is None else timedelta(days=days)
    if not name.isprintable() or not 0 < len(name) <= 100:  # noqa: PLR2004 - said in the message
        raise CommandError(f"NAME: {name!r} is not 1 to 100 printable characters", exit_code=2)

    async def write() -> str:
        async with connected() as database, database.engine.begin() as connection:
            return await create_key(connection, name, scopes, by=by or getpass.getuser(), lifetime=lifetime)

    key = asyncio.run(write())
    typer.echo(json.dumps({"name": name, "key": key, "scopes": scopes}) if as_json else key)


@app.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """List the keys: what each may do, since and until when, when it was used last.

    Not on a terminal: a line each, with tabs between.

    Examples:
      vrs keys list
      vrs keys list --json

    """
    from ops.connection import connected
    from shared.api_keys import list_keys

    async def read() -> "list[KeyLine]":
        async with connected() as database, database.engine.connect() as connection:
            return await list_keys(connection)

    keys = asyncio.run(read())
    if as_json:
        from dataclasses import asdict

        from ops.story import plain

        typer.echo(json.dumps([asdict(key) for key in keys], default=plain))
    else:
        _print(keys)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name, or the part of it between the underscores.")],
) -> None:
    """End a key: from now on whoever presents it is refused.

    Examples:
      vrs keys revoke web-shop

    """
    from ops.connection import connected
    from shared.api_keys import revoke_key

    async def write() -> bool:
        async with connected() as database, database.engine.begin() as connection:
            return await revoke_key(connection, name)

    typer.echo(f"{name} is revoked." if asyncio.run(write()) else f"{name} was revoked before.")


def _scopes(given: list[str]) -> "list[Scope]":
    from shared.models import Scope

    unknown = [word for word in given if word not in list(Scope)]
    if unknown:
        raise CommandError(f"--scope: there is no {unknown[0]!r}; there are {', '.join(Scope)}", exit_code=2)
    return sorted(map(Scope, set(given)))


def _print(keys: "list[KeyLine]") -> None:
    import sys

    from rich.console import Console
    from rich.table import Table

    def when(time: Any) -> str:
        return f"{time:%Y-%m-%d %H:%M}" if time else ""

    lines = [(key.name, key.public_id, " ".join(key.scopes), key.created_by, *map(when, _times(key))) for key in keys]
    if not sys.stdout.isatty():
        for line in lines:
            typer.echo("\t".join(line))
        return
    table = Table("name", "id", "scopes", "made by", "made (UTC)", "ends", "revoked", "last used")
    for line in lines:
        table.add_row(*line)
    Console().print(table if lines else "There are no keys; `vrs keys create` makes one.")


def _times(key: "KeyLine") -> tuple[Any, ...]:
    return key.created_at, key.expires_at, key.revoked_at, key.last_used_at
