"""``vrs order``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from shared.orders import Order


def order(
    file: Annotated[str, typer.Argument(help="An order as JSON, or - for the standard input.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the event that is published.")] = False,
) -> None:
    """Order a project: check the file, publish ProjectOrdered, print the project's id.

    The file holds the data of ProjectOrdered, with a project_id if you like, or a complete CloudEvent. Instead of a
    slug it may have the name that the customer typed, from which one is made that is free; beside plugins, bundles,
    which are expanded to theirs.
    The order is committed to the marketplace's outbox and then published; if the broker is away, exit 1, and the
    marketplace service publishes it later. A file that cannot be read is exit 2, a wrong one exit 1,
    as is a base domain or project type that the database does not list.

    Examples:
      vrs order examples/orders/subdomain.json
      vrs order - < order.json

    """
    from ops.connection import connected
    from ops.orders import place_now, read_wish, refuse_what_nobody_offers
    from shared.settings import Settings, load

    wish = read_wish(_content(file), name="standard input" if file == "-" else file)

    async def write() -> "Order":
        async with connected() as database:
            await refuse_what_nobody_offers(database, wish.order)
            return await place_now(database, settings.amqp_url.get_secret_value(), wish)

    settings = load(Settings)
    placed = asyncio.run(write())
    typer.echo(placed.encode() if as_json else placed.subject)


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", exit_code=2) from error
