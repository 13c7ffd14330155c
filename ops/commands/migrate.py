"""``vrs db upgrade``, ``adopt`` and ``downgrade``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from migrations.adoption.plan import Plan


def upgrade() -> None:
    """Migrate the database to the newest schema.

    An empty database gets all tables. One that has the marketplace's gets what is missing beside them; `vrs db adopt
    --dry-run` shows what that is. Its application may go on meanwhile: nothing waits for longer than two seconds.
    Several containers may do it at once, and one that was killed does it again. It goes past a pooler by
    VRS_DATABASE_DIRECT_URL.

    Examples:
      VRS_DATABASE_URL=postgresql://vrs@db/vrs vrs db upgrade

    """
    from ops import schema
    from ops.connection import migrating

    async def migrate() -> str | None:
        async with migrating() as database:
            await schema.upgrade(database.engine, tell=_tell)
            return await schema.revision_of(database.engine)

    typer.echo(f"The database is at revision {asyncio.run(migrate())}.")


def adopt(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Show what happens to a marketplace's database, then do it as `vrs db upgrade` does.

    What stands in the way is named with what was found and what was expected; then nothing is changed, exit 1.

    Examples:
      vrs db adopt --dry-run
      vrs db adopt --dry-run --json

    """
    from ops import schema
    from ops.connection import migrating

    async def run() -> "tuple[Plan | None, str | None]":
        async with migrating() as database:
            plan = await schema.plan_of(database.engine)
            if plan is not None:
                _show(plan, as_json=as_json)
            if not dry_run and not (plan and plan.obstacles):
                await schema.upgrade(database.engine, tell=_tell)
            return plan, await schema.revision_of(database.engine)

    plan, revision = asyncio.run(run())
    if plan is None and as_json:
        typer.echo("null")
    if plan is None and dry_run:
        typer.echo("The database is adopted already.", err=True)
    if not dry_run and not (plan and plan.obstacles):
        typer.echo(f"The database is at revision {revision}.", err=True)
    if plan and plan.obstacles:
        raise CommandError("This database cannot be adopted so. Nothing was changed.")


def downgrade(
    revision: Annotated[str, typer.Argument(help="The revision to go back to; base is before the first.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Migrate back. Tables and columns of provisioning go with what they hold; the marketplace's stay as they are.

    Stop the services first.

    Examples:
      vrs db downgrade base

    """
    from ops import schema
    from ops.connection import migrating

    if not yes:
        typer.confirm(f"Give up what provisioning has written since revision {revision}?", abort=True)

    async def migrate() -> str | None:
        async with migrating() as database:
            await schema.downgrade(database.engine, revision, tell=_tell)
            return await schema.revision_of(database.engine)

    typer.echo(f"The database is at revision {asyncio.run(migrate()) or 'base'}.")


def _tell(told: str) -> None:
    typer.echo(told, err=True)


def _show(plan: "Plan", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(plan.as_json()))
        return
    for extension in plan.extended:
        rows = "rows not counted yet" if extension.rows < 0 else f"about {extension.rows} rows"
        typer.echo(f"{extension.table}: there, {rows}")
        for name, kind in extension.added.items():
            typer.echo(f"  + {name} {kind}, null")
        for name in extension.used:
            typer.echo(f"  = {name} is used as it is")
        if extension.table == "projects":
            typer.echo("  later, locking nobody: vrs_id filled in, unique and never null; indexes on our columns")
    if plan.made:
        typer.echo(f"made: {', '.join(plan.made)}, and the tables that are provisioning's alone")
    for remark in plan.remarks:
        typer.echo(f"note: {remark}")
    for obstacle in plan.obstacles:
        typer.echo(f"in the way: {obstacle}", err=True)
