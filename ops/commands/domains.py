"""``vrs domains``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.failure import CommandError

if TYPE_CHECKING:
    from shared.base_domains import DomainLine
    from shared.domain_check import DomainReport

Name = Annotated[str, typer.Argument(help="The domain, for example vrs.example.")]

app = typer.Typer(
    help="""See, add and remove base domains, zones of ours under which projects get a name; see to customers' domains.

    Examples:
      vrs domains list
      vrs domains add vrs-projects.example
      vrs domains check kunde.example
      vrs domains watch
    """,
    no_args_is_help=True,
)


@app.command("list")
def list_domains(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the base domains and how many projects have a name under each.

    Not on a terminal: a line each, with a tab between.

    Examples:
      vrs domains list
      vrs domains list --json

    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from ops.connection import connected
    from shared.base_domains import domain_lines
    from shared.hosts import as_shown

    async def read() -> "list[DomainLine]":
        async with connected() as database:
            return await domain_lines(database.engine)

    lines = asyncio.run(read())
    if as_json:
        typer.echo(json.dumps([asdict(line) for line in lines]))
    elif not sys.stdout.isatty():
        for line in lines:
            typer.echo(f"{line.name}\t{line.projects}")
    else:
        table = Table("base domain", "projects")
        for line in lines:
            table.add_row(as_shown(line.name), str(line.projects))
        Console().print(table if lines else "There are no base domains: `vrs domains add --help`.")


@app.command()
def add(name: Name) -> None:
    """Offer names under a domain. Its zone must be in the INWX account: `vrs doctor dns` asks INWX.

    Examples:
      vrs domains add vrs-projects.example

    """
    from ops.connection import connected
    from shared.base_domains import add_domain

    stored = _stored(name)

    async def write() -> bool:
        async with connected() as database:
            return await add_domain(database.engine, stored)

    typer.echo(f"{name} is a base domain{'' if asyncio.run(write()) else ' already'}.")


@app.command()
def remove(name: Name) -> None:
    """Offer no names under a domain any more. Refused while a project has one. Nothing is changed at INWX.

    Examples:
      vrs domains remove vrs-projects.example

    """
    from ops.connection import connected
    from shared.base_domains import remove_domain

    stored = _stored(name)

    async def write() -> None:
        async with connected() as database:
            await remove_domain(database.engine, stored)

    asyncio.run(write())
    typer.echo(f"{name} is no base domain any more.")


@app.command()
def check(
    name: Name,
    *,
    server: Annotated[str | None, typer.Option(help="The server that the domain is to lead to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the sentences for customers.")] = False,
) -> None:
    """Examine a domain at its own name servers: is it ours, what is wrong with its records; exit 1 if something is.

    Addresses are compared with the server of the project that has ordered the domain, or with --server. Without either
    only what is wrong in any case is found: CAA that forbids Let's Encrypt, broken DNSSEC, a proxy, a CNAME in company.
    Asks INWX with the settings of dns (VRS_INWX_…). Changes nothing.

    Examples:
      vrs domains check kunde.example
      vrs domains check kunde.example --server tenants-2 --json

    """
    from dataclasses import asdict
    from importlib.metadata import entry_points

    from ops.connection import connected
    from ops.domain_tables import print_report
    from shared.errors import PermanentError, TemporaryError

    stored = _stored(name)
    [entry] = entry_points(group="vrs.domain_check")
    ask = entry.load()

    async def read() -> "DomainReport":
        async with connected() as database, database.engine.connect() as connection:
            report: DomainReport = await ask(connection, stored, server)
            return report

    try:
        report = asyncio.run(read())
    except ValueError as error:
        raise CommandError(f"--server: {error}", exit_code=2) from error
    except (TemporaryError, PermanentError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        answer = asdict(report) | {
            key: [each.model_dump(mode="json") for each in getattr(report, key)] for key in ("records", "findings")
        }
        typer.echo(json.dumps(answer))
    else:
        print_report(report)
    if report.findings:
        raise typer.Exit(1)


@app.command()
def watch(
    *,
    days: Annotated[int, typer.Option(min=1, help="So many days ahead.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the domains that we registered, and the certificates of live projects, that end soon; the next first.

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
    from shared.models import Expiry

    now = datetime.now(UTC)

    async def read() -> "list[Expiry]":
        async with connected() as database, database.engine.connect() as connection:
            return await ending(connection, now + timedelta(days=days))

    found = asyncio.run(read())
    if as_json:
        typer.echo(json.dumps([as_json_row(each, now) for each in found]))
    else:
        print_ends(found, now)


@app.command()
def register(
    name: Name,
    *,
    max_price: Annotated[str | None, typer.Option(help="What the first year may cost, in euros: 29 or 29.50.")] = None,
    registrant: Annotated[Path | None, typer.Option(help="A TOML file with the owner's data.")] = None,
) -> None:
    """Answer a registration that waits for a case worker: let it be tried again, for more, or with another owner.

    A domain is registered by an order with `registration`. What the registry, INWX or the price object to is mailed to
    the case workers (`DomainRegistrationHeld`); nothing is paid until somebody has answered here. dns goes on within
    seconds, and asks again if something is still wrong.

    Examples:
      vrs domains register kunde.example
      vrs domains register kunde.example --max-price 29.50
      vrs domains register kunde.example --registrant owner.toml

    """
    from ops.connection import connected
    from ops.registrations import answer, read_registrant

    stored = _stored(name)
    cents = None if max_price is None else _cents(max_price)
    owner = None if registrant is None else read_registrant(registrant)

    async def write() -> None:
        async with connected() as database:
            await answer(database.engine, stored, cents, owner)

    asyncio.run(write())
    typer.echo(f"{name} is tried again.")


def _cents(euros: str) -> int:
    from decimal import Decimal, InvalidOperation

    try:
        cents = Decimal(euros.replace(",", ".")) * 100
    except InvalidOperation:
        cents = Decimal(-1)
    if not cents.is_finite() or cents < 0 or cents != cents.to_integral_value():
        raise CommandError(f"--max-price: {euros!r} is no amount of euros such as 29 or 29.50", exit_code=2)
    return int(cents)


def _stored(name: str) -> str:
    from shared.hosts import as_stored

    try:
        return as_stored(name)
    except ValueError as error:
        raise CommandError(str(error), exit_code=2) from error
