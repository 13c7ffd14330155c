"""``vrs doctor``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from ops.examination import Finding
    from ops.topology.comparison import Comparison, QueueLine


def doctor(
    services: Annotated[list[str] | None, typer.Argument(help="Those that run here; all if none is named.")] = None,
    *,
    queues: Annotated[bool, typer.Option("--queues", help="Compare RabbitMQ's queues with those expected.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look whether everything is there, lets us in, and say what to do; exit 1 if something is wrong.

    Examines the settings, the database and its schema, the broker, and what each service needs outside. With --queues
    instead: exchanges, queues, arguments, consumers and messages, expected and real, and with VRS_RABBITMQ_API_URL
    also bindings and policies. Nothing is changed.

    Examples:
      vrs doctor
      vrs doctor dns --json
      vrs doctor --queues

    """
    from ops.examination import SERVICES, examine

    unknown = sorted(set(services or ()) - set(SERVICES))
    if unknown:
        raise CommandError(f"There is no service {unknown[0]!r}; there are {', '.join(SERVICES)}", exit_code=2)
    if queues:
        _queues(services or SERVICES, as_json=as_json)
        return
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


def _queues(services: list[str], *, as_json: bool) -> None:
    from ops.story import plain
    from ops.topology.comparison import compare
    from ops.topology.management import BrokerSettings
    from ops.topology.real import only_one
    from shared.settings import load

    settings = load(BrokerSettings)

    async def look() -> "Comparison":
        async with only_one(settings.amqp_url.get_secret_value()) as connection:
            return await compare(connection, services, settings.api_url)

    found = asyncio.run(look())
    if as_json:
        typer.echo(json.dumps(found.as_json(), default=plain))
    else:
        _print_queues(found)
    if found.faults:
        raise typer.Exit(1)


def _print_queues(found: "Comparison") -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    longest = max((len(line.name) for line in found.queues), default=0)
    table = Table(Column("queue", min_width=longest), "", "consumers", "ready", "unacked", "oldest", "taken, not done")
    wrong = {fault.what for fault in found.faults}
    for line in found.queues:
        mark = Text("wrong", "bold red") if line.name in wrong else Text("ok", "green")
        numbers = ("?" if number is None else str(number) for number in (line.consumers, line.ready, line.unacked))
        oldest = f"{line.oldest_at:%Y-%m-%d %H:%M:%S}" if line.oldest_at else ""
        table.add_row(line.name, mark, *numbers, oldest, _waiting(line))
    console = Console(soft_wrap=True)
    console.print(table)
    for owner, rows in found.outbox.items():
        console.print(
            f"outbox of {owner}: {rows['rows']} to be said, the oldest since {rows['since']:%Y-%m-%d %H:%M:%S}"
        )
    for fault in found.faults:
        console.print(Text.assemble((fault.what, "bold red"), f": {fault.wrong}\n    ", (fault.remedy, "bold")))
    for what in found.not_checked:
        console.print(Text(f"Not checked: {what}", "dim"))


def _waiting(line: "QueueLine") -> str:
    states = ", ".join(f"{many} {state}" for state, many in sorted(line.waiting.items()))
    return f"{states} since {line.waiting_since:%Y-%m-%d %H:%M:%S}" if line.waiting_since else states
