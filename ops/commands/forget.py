"""``vrs forget``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import getpass
import json
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from shared.database import Database


def forget(
    project: Annotated[str, typer.Argument(help="The project's id or slug.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; the project's log keeps it.")] = "on request",
    by: Annotated[str | None, typer.Option(help="Who asks for it; your user name if left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Remove the customer's name and address of a cancelled project: rows, log, archive and dead letters.

    Ids and what was done stay. dns does the same by itself when a project has been cancelled for VRS_RETENTION_DAYS.
    A project that is not cancelled, or not undone yet, is refused: somebody may have to tell its customer. Saying it
    again does no harm. What nobody here can reach stands in docs/personal-data.md.

    Examples:
      vrs forget baeckerei-sommer --dry-run
      vrs forget baeckerei-sommer --reason "asked for it on the phone"

    """
    from ops.connection import connected

    async def act() -> None:
        async with connected() as database:
            told = await _forget(database, project, by=by or getpass.getuser(), reason=reason, dry_run=dry_run)
        if as_json:
            typer.echo(json.dumps(told))
            return
        rows = {f"{name}: {count} rows" for name, count in told["rows"].items()}
        letters = [f"dead letters in RabbitMQ: {told['letters']}"] if told["letters"] else []
        done = "would be removed from" if dry_run else "was removed from"
        for line in [*sorted(rows), *letters]:
            typer.echo(f"The contact {done} {line}")
        if not (rows or letters):
            typer.echo(f"Nothing is kept of the customer of {told['project_id']}.")

    asyncio.run(act())


async def _forget(database: "Database", project: str, *, by: str, reason: str, dry_run: bool) -> dict[str, Any]:
    """Do it, letters first: killed in between, the rows tell that it is to be done again."""
    from ops.cancellation import named_project
    from ops.desk.opened import amqp_url
    from shared.dead_letters.queues import BrokerAwayError, holding
    from shared.forget import UnderWayError
    from shared.forget import forget as forget_in

    project_id, _ = await named_project(database.engine, project)
    try:
        async with holding(amqp_url()) as held, database.engine.connect() as connection:
            if held.busy:
                raise CommandError(
                    f"Somebody else has dead letters in hand ({', '.join(held.busy)}): say it again later"
                )
            rows, letters = await forget_in(connection, held, project_id, by=by, reason=reason)
            if not dry_run:
                await held.remove(letters)
                await connection.commit()
    except BrokerAwayError as error:
        raise CommandError(f"{error}: nothing is removed; is RabbitMQ running?") from error
    except UnderWayError as error:
        raise CommandError(_what_to_do(project_id)) from error
    return {"project_id": str(project_id), "dry_run": dry_run, "rows": rows, "letters": len(letters)}


def _what_to_do(project_id: UUID) -> str:
    return (
        f"{project_id} is under way, its customer may have to be told something: cancel it first "
        f"(`vrs cancel {project_id} --reason …`); if it is cancelled, wait until it is undone and its events are "
        f"said and handled (`vrs projects`, `vrs log {project_id}`)"
    )
