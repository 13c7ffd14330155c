"""``vrs domains``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.amounts import cents_of
from ops.commands.domain_mail import mail
from ops.commands.domain_transfer import transfer, withdraw
from ops.commands.domain_watch import watch
from ops.failure import CommandError
from ops.host_names import stored

if TYPE_CHECKING:
    from ops.project_domains import Wish
    from shared.base_domains import DomainLine
    from shared.domain_check import DomainReport

Name = Annotated[str, typer.Argument(help="The domain, for example vrs.example.")]


app = typer.Typer(
    help="""See, add and remove the domains of live projects, and the base domains under which projects get a name.

    Examples:
      vrs domains list
      vrs domains add vrs-projects.example
      vrs domains list baeckerei-sommer
      vrs domains add baeckerei-sommer sommer.example --primary
      vrs domains check kunde.example
      vrs domains mail baeckerei-sommer kunde.example
      vrs domains watch
    """,
    no_args_is_help=True,
)

First = Annotated[
    str, typer.Argument(metavar="PROJECT|NAME", help="The project's id or slug; or a base domain, alone.")
]
Second = Annotated[str | None, typer.Argument(metavar="NAME", help="The domain, if a project was named.")]
By = Annotated[str | None, typer.Option(help="Who asks for it; your user name if left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


app.command()(transfer)
app.command()(withdraw)
app.command()(mail)
app.command()(watch)


@app.command("list")
def list_domains(
    project: Annotated[str | None, typer.Argument(help="The project's id or slug; the base domains without.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List a project's domains and how far each is; without a project, the base domains and how many projects each has.

    Not on a terminal: a line each, with a tab between.

    Examples:
      vrs domains list
      vrs domains list baeckerei-sommer --json

    """
    if project is not None:
        _of_project(project, None, None, as_json=as_json)
        return
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
def add(
    first: First,
    second: Second = None,
    *,
    primary: Annotated[
        bool, typer.Option("--primary", help="The project's other domains redirect to it, as soon as it works.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Give a live project one more domain, and its www; with a domain alone: offer names of projects under it.

    Where the domain's zone is in our INWX account we set its records; else the customer is mailed which to set, and it
    goes on by itself. A base domain's zone must be in the account: `vrs doctor dns` asks INWX.

    Examples:
      vrs domains add baeckerei-sommer sommer.example --primary
      vrs domains add vrs-projects.example

    """
    if second is not None:
        from ops.project_domains import Wish

        _of_project(first, second, Wish.PRIMARY_ADDED if primary else Wish.ADDED, by=by, as_json=as_json)
        return
    if primary or by or as_json:
        raise CommandError("--primary, --by and --json go with a project: PROJECT NAME", exit_code=2)
    from ops.connection import connected
    from shared.base_domains import add_domain

    domain = stored(first)

    async def write() -> bool:
        async with connected() as database, database.engine.begin() as connection:
            return await add_domain(connection, domain)

    typer.echo(f"{first} is a base domain{'' if asyncio.run(write()) else ' already'}.")


@app.command()
def remove(first: First, second: Second = None, *, by: By = None, as_json: AsJson = False) -> None:
    """Take a domain from a live project; with a domain alone: offer no names under it any more.

    A project keeps its primary domain and the one that it was ordered under. Our records are deleted, nobody else's. A
    base domain under which a project has a name is refused; nothing is changed at INWX.

    Examples:
      vrs domains remove baeckerei-sommer sommer.example
      vrs domains remove vrs-projects.example

    """
    if second is not None:
        from ops.project_domains import Wish

        _of_project(first, second, Wish.REMOVED, by=by, as_json=as_json)
        return
    from ops.connection import connected
    from shared.base_domains import remove_domain

    domain = stored(first)

    async def write() -> None:
        async with connected() as database, database.engine.begin() as connection:
            await remove_domain(connection, domain)

    asyncio.run(write())
    typer.echo(f"{first} is no base domain any more.")


@app.command("primary")
def make_primary(
    project: Annotated[str, typer.Argument(help="The project's id or slug.")],
    name: Name,
    *,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make a domain of a live project its primary one: all others redirect to it (308), path and query kept.

    Examples:
      vrs domains primary baeckerei-sommer sommer.example

    """
    from ops.project_domains import Wish

    _of_project(project, name, Wish.PRIMARY, by=by, as_json=as_json)


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

    domain = stored(name)
    [entry] = entry_points(group="vrs.domain_check")
    ask = entry.load()

    async def read() -> "DomainReport":
        async with connected() as database, database.engine.connect() as connection:
            report: DomainReport = await ask(connection, domain, server)
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

    domain = stored(name)
    cents = None if max_price is None else cents_of("--max-price", max_price)
    owner = None if registrant is None else read_registrant(registrant)

    async def write() -> None:
        async with connected() as database:
            await answer(database, domain, cents, owner)

    asyncio.run(write())
    typer.echo(f"{name} is tried again.")


def _of_project(
    project: str, name: str | None, wish: "Wish | None", *, by: str | None = None, as_json: bool = False
) -> None:
    """Carry the wish out, if there is one, and show the project's domains."""
    from ops.project_domains import carry_out, show

    domain = None if name is None else stored(name)
    domains = asyncio.run(carry_out(project, domain, wish, by=by or getpass.getuser()))
    show(domains, as_json=as_json)
