"""``vrs recover``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
from typing import Annotated

import typer

from ops.failure import CommandError


def recover(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is due.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """After a restore of PostgreSQL with an empty RabbitMQ: say again what was said and nobody has taken up.

    Each event goes to the one consumer that lacks it. What is done is never done again, so an event too many, or a
    second call, has no effect. Orders that no service had heard of, and cancellations that nobody goes on with, are
    named: place or cancel them again. Exit 1 if RabbitMQ did not take everything. docs/backup.md is the runbook.

    Examples:
      vrs recover --dry-run
      vrs recover

    """
    from ops.bus import connect_bus
    from ops.connection import connected
    from ops.contracts.system import build_services
    from ops.recovery import Due, due
    from shared.dead_letters.send import Sender

    async def work() -> tuple[Due, int]:
        services = await build_services()
        async with connected() as database, database.engine.connect() as connection:
            found = await due(connection, services)
        if dry_run or not found.messages:
            return found, 0
        async with await connect_bus() as bus:
            return found, len(await Sender(bus).send(found.messages))

    found, sent = asyncio.run(work())
    told = found.as_json(sent)
    if as_json:
        typer.echo(json.dumps(told))
    else:
        for consumer, count in told["due"].items():
            typer.echo(f"{consumer}: {count} events {'are due' if dry_run else 'said again'}")
        for slug in found.unheard:
            typer.echo(f"order of {slug}: no service has heard of it; place it again")
        for project in found.not_undone:
            typer.echo(f"cancelled project {project}: not undone; vrs cancel {project} --reason …")
        if not (found.messages or found.unheard or found.not_undone):
            typer.echo("Nothing is due.")
    if not dry_run and sent < len(found.messages):
        raise CommandError(f"RabbitMQ did not take {len(found.messages) - sent} of {len(found.messages)}: say it again")
