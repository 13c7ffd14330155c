"""``vrs coolify``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from shared.own_services import Change

app = typer.Typer(
    help="""Run our own services on a Coolify.

    Examples:
      vrs coolify apply coolify/vrs.toml --dry-run
      vrs coolify apply coolify/vrs.toml
    """,
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Typer makes a group of a single command only with a callback."""


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="What is wanted; coolify/vrs.toml is an example.")],
    *,
    secrets: Annotated[Path, typer.Option(help="The folder that `vrs secrets` has filled.")] = Path("secrets"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a line for each application.")] = False,
) -> None:
    """Make each service an application of Coolify as the file says, one after the other, and wait until each runs.

    First the operator's container, which migrates the database; then the services, in the file's order. What is as it
    should be is not touched; what differs is changed and deployed, beside the old container until the new one is
    healthy. At the first that fails it stops, exit 1: the old one goes on. Say it again at any time.

    Needs VRS_COOLIFY_URL and VRS_COOLIFY_TOKEN, with read, write and deploy. docs/deploy-coolify.md is the guide.

    Examples:
      vrs coolify apply coolify/vrs.toml --dry-run
      vrs coolify apply coolify/vrs.toml --secrets /etc/vrs/secrets --json

    """
    from importlib.metadata import entry_points

    from shared.errors import PermanentError, TemporaryError

    [entry] = entry_points(group="vrs.own_services")

    def tell(change: "Change") -> None:
        typer.echo(json.dumps(change.as_json()) if as_json else _line(change, dry_run=dry_run))

    try:
        asyncio.run(entry.load()(file, secrets, dry_run, tell))
    except (PermanentError, TemporaryError) as error:
        raise CommandError(str(error)) from error


def _line(change: "Change", *, dry_run: bool) -> str:
    from shared.own_services import Action

    done = {Action.CREATE: "is made", Action.UPDATE: "is changed", Action.NOTHING: "is as it should be"}
    would = {Action.CREATE: "would be made", Action.UPDATE: "would be changed", Action.NOTHING: "is as it should be"}
    differs = f" ({', '.join(change.differs)})" if change.differs else ""
    return f"{change.name} {(would if dry_run else done)[change.action]}{differs}"
