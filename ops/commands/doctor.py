"""``vrs doctor``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from ops.examination import Finding


def doctor(
    services: Annotated[list[str] | None, typer.Argument(help="Those that run here; all if none is named.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look whether everything is there, lets us in, and say what to do; exit 1 if something is wrong.

    Examines the settings, the database and its schema, the broker, and what each service needs outside.

    Examples:
      vrs doctor
      vrs doctor dns --json

    """
    from ops.examination import SERVICES, examine

    unknown = sorted(set(services or ()) - set(SERVICES))
    if unknown:
        raise CommandError(f"There is no service {unknown[0]!r}; there are {', '.join(SERVICES)}", exit_code=2)
    findings = asyncio.run(examine(services or SERVICES))
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in findings]))
    else:
        _print(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _print(findings: "list[Finding]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("what", "", "found, or what to do")
    for finding in findings:
        mark = Text("ok", "green") if finding.ok else Text("wrong", "bold red")
        table.add_row(finding.what, mark, Text(finding.found))
    Console().print(table)
