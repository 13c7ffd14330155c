"""``vrs order``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from ops.orders import Placed
    from shared.prices import Price


def order(
    file: Annotated[str, typer.Argument(help="An order as JSON, or - for the standard input.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the published event and the price as JSON.")] = False,
) -> None:
    """Order a project: check the file, publish ProjectOrdered, print the project's id, and what it costs on stderr.

    The file holds the data of ProjectOrdered, with a project_id if you like, or a complete CloudEvent. Instead of a
    slug it may have the name that the customer typed, from which one is made that is free; beside plugins, bundles,
    which are expanded to theirs. A bundle has its own price, and its plugins cost nothing beside it.
    The order is committed to the marketplace's outbox and then published; if the broker is away, exit 1, and the
    marketplace service publishes it later. A file that cannot be read is exit 2, a wrong one exit 1,
    as is a base domain, project type or plan that is not listed, and a name that is reserved or taken.

    Examples:
      vrs order examples/orders/subdomain.json
      vrs order - < order.json

    """
    from ops.connection import connected
    from ops.orders import place_now, read_wish, refuse_what_nobody_offers
    from shared.settings import Settings, load

    wish = read_wish(_content(file), name="standard input" if file == "-" else file)

    async def write() -> "Placed":
        async with connected() as database:
            await refuse_what_nobody_offers(database, wish.order, may_rename=wish.typed is not None)
            return await place_now(database, settings.amqp_url.get_secret_value(), wish)

    settings = load(Settings)
    placed = asyncio.run(write())
    if as_json:
        typer.echo(json.dumps({"event": json.loads(placed.order.encode()), "price": _as_json(placed.price)}))
        return
    typer.echo(placed.order.subject)
    for line in _said(placed.price):
        typer.echo(line, err=True)


def _said(price: "Price") -> Iterator[str]:
    parts = [f"{line.name} {_money(line.cents, line.currency)}" for line in price.lines if line.cents is not None]
    total = " and ".join(_money(cents, currency) for currency, cents in price.totals.items())
    if total:
        yield f"{total} a month" + (f": {', '.join(parts)}" if len(parts) > 1 else "")
    if price.unlisted:
        yield f"No price is listed for {', '.join(price.unlisted)}: `vrs db seed` adds it."


def _money(cents: int, currency: str | None) -> str:
    return f"{cents // 100}.{cents % 100:02} {currency}"


def _as_json(price: "Price") -> dict[str, object]:
    from dataclasses import asdict

    return {"monthly_cents": price.totals, "lines": [asdict(line) for line in price.lines]}


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", exit_code=2) from error
