"""``vrs users``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import getpass
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from shared.models import StaffRole
    from shared.staff import StaffLine

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The name with which the user signs in: a-z, 0-9 and . _ @ -")]

app = typer.Typer(
    help="""Make, list, disable and remove the users of the admin UI, and give them new passwords.

    A password is asked for; where there is no terminal it is the first line of standard input.
    docs/case-workers.md tells what each role may do.

    Examples:
      vrs users create anna --role admin
      vrs users list
      vrs users password anna
      vrs users disable anna
      vrs users remove anna
    """,
    no_args_is_help=True,
)


@app.command()
def create(
    name: Name,
    *,
    role: Annotated[str, typer.Option(help="case_worker, operator or admin.")] = "case_worker",
    by: Annotated[str | None, typer.Option(help="Who makes it; your user name if left out.")] = None,
) -> None:
    """Make a user.

    Examples:
      vrs users create anna --role admin
      vrs users create bernd < password.txt

    """
    import re

    from ops.connection import connected
    from shared.staff import create_user

    chosen = _role(role)
    if not re.fullmatch(r"[a-z0-9._@-]{1,100}", name):
        raise CommandError(f"NAME: {name!r} is not 1 to 100 of a-z, 0-9 and . _ @ -", exit_code=2)
    password = _password()

    async def write() -> None:
        async with connected() as database, database.engine.begin() as connection:
            await create_user(connection, name, password, chosen, by=by or getpass.getuser())

    asyncio.run(write())
    typer.echo(f"{name} may sign in as {chosen}")


@app.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """List the users: role, by whom made, last sign-in, whether locked or disabled.

    Not on a terminal: a line each, with tabs between.

    Examples:
      vrs users list
      vrs users list --json

    """
    from ops.connection import connected
    from shared.staff import list_users

    async def read() -> "list[StaffLine]":
        async with connected() as database, database.engine.connect() as connection:
            return await list_users(connection)

    users = asyncio.run(read())
    if as_json:
        from dataclasses import asdict

        from ops.story import plain

        typer.echo(json.dumps([asdict(user) for user in users], default=plain))
    else:
        _print(users)


@app.command()
def disable(name: Name) -> None:
    """Let a user sign in no more; whoever is signed in is signed out. A new password lets the user in again.

    Examples:
      vrs users disable anna

    """
    from ops.connection import connected
    from shared.staff import disable_user

    async def write() -> None:
        async with connected() as database, database.engine.begin() as connection:
            await disable_user(connection, name)

    asyncio.run(write())
    typer.echo(f"{name} is disabled")


@app.command()
def remove(
    name: Name,
    *,
    by: Annotated[str | None, typer.Option(help="Who removes it; your user name if left out.")] = None,
) -> None:
    """Remove a user's account, sessions, saved searches and recorded sign-ins. It cannot be taken back.

    What the user changed and noted stays, with the name: docs/personal-data.md tells why. Do not give the name to
    somebody else. Whom a provider of OpenID Connect still lets in gets a new account.

    Examples:
      vrs users remove anna

    """
    from ops.connection import connected
    from shared.staff import remove_user

    async def write() -> None:
        async with connected() as database, database.engine.begin() as connection:
            await remove_user(connection, name, by=by or getpass.getuser())

    asyncio.run(write())
    typer.echo(f"{name} is removed; what {name} did stays in the log of changes")


@app.command()
def password(name: Name) -> None:
    """Give a user a new password; it also unlocks and enables. Whoever is signed in is signed out.

    Examples:
      vrs users password anna

    """
    from ops.connection import connected
    from shared.staff import set_password

    new = _password()

    async def write() -> None:
        async with connected() as database, database.engine.begin() as connection:
            await set_password(connection, name, new)

    asyncio.run(write())
    typer.echo(f"{name} has a new password")


def _role(given: str) -> "StaffRole":
    from shared.models import StaffRole

    try:
        return StaffRole(given)
    except ValueError:
        raise CommandError(f"--role: there is no {given!r}; there are {', '.join(StaffRole)}", exit_code=2) from None


def _password() -> str:
    if sys.stdin.isatty():
        typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    return sys.stdin.readline().rstrip("\n")


def _print(users: "list[StaffLine]") -> None:
    from rich.console import Console
    from rich.table import Table

    lines = [
        (
            user.name,
            user.role.value,
            user.created_by,
            *(
                f"{time:%Y-%m-%d %H:%M}" if time else ""
                for time in (user.signed_in_at, user.locked_until, user.disabled_at)
            ),
        )
        for user in users
    ]
    if not sys.stdout.isatty():
        for line in lines:
            typer.echo("\t".join(line))
        return
    table = Table("name", "role", "made by", "signed in (UTC)", "locked until", "disabled")
    for line in lines:
        table.add_row(*line)
    Console().print(table if lines else "There are no users; `vrs users create` makes one.")
