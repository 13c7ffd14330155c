"""``vrs domains transfer`` and ``withdraw``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import getpass
from pathlib import Path
from typing import Annotated

import typer

from ops.amounts import cents_of
from ops.host_names import stored


def transfer(
    project: Annotated[str, typer.Argument(help="The project's id or slug.")],
    name: Annotated[str, typer.Argument(help="The domain, for example kunde.example.")],
    *,
    auth_code_file: Annotated[
        str | None, typer.Option(help="A file with the auth code, or - for standard input. Never on the command line.")
    ] = None,
    registrant: Annotated[Path | None, typer.Option(help="A TOML file with the owner's data.")] = None,
    max_price: Annotated[str | None, typer.Option(help="What the transfer may cost, in euros: 29 or 29.50.")] = None,
    by: Annotated[str | None, typer.Option(help="Who asks for it; your user name if left out.")] = None,
) -> None:
    """Have a customer's domain transferred to us; the project moves to it by itself when it has come.

    The auth code comes from the domain's present provider. It is kept encrypted (VRS_TRANSFER_KEY) until INWX has taken
    it. Say it again for a transfer that has failed, with what is new: dns goes on within seconds.

    Examples:
      vrs domains transfer goldberg goldberg.example --auth-code-file code.txt --registrant owner.toml --max-price 15
      vrs domains transfer goldberg goldberg.example --auth-code-file - < new-code.txt

    """
    from ops.connection import connected
    from ops.registrations import read_registrant
    from ops.transfers import read_auth_code
    from ops.transfers import transfer as ask
    from shared.transfers import TransferRequest

    request = TransferRequest(
        domain=stored(name),
        auth_code=None if auth_code_file is None else read_auth_code(auth_code_file),
        registrant=None if registrant is None else read_registrant(registrant),
        max_cents=None if max_price is None else cents_of("--max-price", max_price),
    )

    async def act() -> bool:
        async with connected() as database:
            return await ask(database, project, request, by=by or getpass.getuser())

    is_new = asyncio.run(act())
    typer.echo(f"The transfer of {name} is {'asked for' if is_new else 'tried again'}; `vrs log {project}` tells how.")


def withdraw(
    project: Annotated[str, typer.Argument(help="The project's id or slug.")],
    name: Annotated[str, typer.Argument(help="The domain, for example kunde.example.")],
    *,
    by: Annotated[str | None, typer.Option(help="Who withdraws it; your user name if left out.")] = None,
) -> None:
    """Withdraw a transfer that has not come yet: the project stays where it is, the domain too.

    What it made in our account is removed, and its names are free again: within seconds if it has failed, within
    minutes if it is under way. If the domain comes before that, it is too late.

    Examples:
      vrs domains withdraw goldberg goldberg.example

    """
    from ops.connection import connected
    from ops.transfers import withdraw as ask

    async def act() -> None:
        async with connected() as database:
            await ask(database, project, stored(name), by=by or getpass.getuser())

    asyncio.run(act())
    typer.echo(f"The transfer of {name} is withdrawn; `vrs log {project}` tells how.")
