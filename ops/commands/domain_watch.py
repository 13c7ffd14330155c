"""``vrs domains watch``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shared.models import Expiry


def watch(
    *,
    days: Annotated[int, typer.Option(min=1, help="So many days ahead.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the domains that we hold for projects, and their certificates, that end soon; the next first.

    dns and bootstrap look at each about once a day; "told" is the last threshold that was mailed to case workers. A
    certificate is renewed by the server when about 30 days are left, so one that ends in 20 is in good order.

    Examples:
      vrs domains watch
      vrs domains watch --days 60 --json

    """
    from datetime import UTC, datetime, timedelta

    from ops.connection import connected
    from ops.domain_tables import as_json_row, print_ends
    from shared.expiry import ending

    now = datetime.now(UTC)

    async def read() -> "list[Expiry]":
        async with connected() as database, database.engine.connect() as connection:
            return await ending(connection, now + timedelta(days=days))

    found = asyncio.run(read())
    if as_json:
        typer.echo(json.dumps([as_json_row(each, now) for each in found]))
    else:
        print_ends(found, now)
