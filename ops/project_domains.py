"""The domains of a live project, as the desk changes and shows them."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from enum import Enum, auto
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from contracts import DomainAdded, DomainRemoved, Event, PrimaryDomainChanged
from ops.connection import connected
from ops.outbox import publish_now
from ops.story import find_project, plain
from shared.domain_wishes import DomainStanding, DomainState, add_domain, change_primary, domains_of, remove_domain
from shared.hosts import as_shown
from shared.marketplace_outbox import OURS
from shared.outbox import Message
from shared.settings import Settings, load
from shared.transaction import Transaction, begin

_STATES = {
    DomainState.SETTING_UP: "is being set up",
    DomainState.WAITING_FOR_CUSTOMER: "waits for the customer's records",
    DomainState.CONNECTING: "is being connected",
    DomainState.CONNECTED: "works",
    DomainState.REMOVING: "is being removed",
}


class Wish(Enum):
    """What is wished of a project's domain."""

    ADDED = auto()
    PRIMARY_ADDED = auto()
    REMOVED = auto()
    PRIMARY = auto()

    @property
    def contract(self) -> type[Event]:
        """How it is said."""
        return {Wish.REMOVED: DomainRemoved, Wish.PRIMARY: PrimaryDomainChanged}.get(self, DomainAdded)


async def carry_out(project: str, domain: str | None, wish: Wish | None, *, by: str) -> list[DomainStanding]:
    """Write down the wish about a project (its id or slug), say it, and read how its domains stand then.

    Raises:
        RefusedError: it cannot be; nothing is changed.
        CommandError: there is no such project; the broker is away or no queue takes the event, and the marketplace
            service sends it.

    """
    amqp_url = None if wish is None else load(Settings).amqp_url.get_secret_value()
    async with connected() as database:
        project_id = await find_project(database.engine, project)
        if wish is not None and domain is not None and amqp_url is not None:
            async with begin(database) as transaction:
                message = await _write_down(transaction, project_id, domain, wish, by=by)
            if message is not None:
                done = "the wish is written down; its event is"
                await publish_now(database, amqp_url, wish.contract, message, done=done)
        async with database.engine.connect() as connection:
            return await domains_of(connection, project_id)


async def _write_down(
    transaction: Transaction, project_id: UUID, domain: str, wish: Wish, *, by: str
) -> Message | None:
    match wish:
        case Wish.REMOVED:
            return await remove_domain(transaction, project_id, domain, by=by, lease=OURS)
        case Wish.PRIMARY:
            return await change_primary(transaction, project_id, domain, by=by, lease=OURS)
    primary = wish is Wish.PRIMARY_ADDED
    return await add_domain(transaction, project_id, domain, primary=primary, by=by, lease=OURS)


def show(domains: Sequence[DomainStanding], *, as_json: bool) -> None:
    """Print them as JSON, as a table, or, not on a terminal, a line each: domain, state, kind, with tabs between."""
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in domains], default=plain))
    elif sys.stdout.isatty():
        _print(domains)
    else:
        for each in domains:
            typer.echo("\t".join((each.domain, each.state.value, _kind(each))))


def _print(domains: Sequence[DomainStanding]) -> None:
    """A table, and what the customer has to do."""
    console = Console()
    table = Table("domain", "", "state")
    for each in domains:
        table.add_row(as_shown(each.domain), _kind(each), _STATES[each.state])
    console.print(table)
    for each in domains:
        for finding in each.findings:
            console.print(f"{as_shown(each.domain)}: {finding['text']['en']}", highlight=False, soft_wrap=True)


def _kind(domain: DomainStanding) -> str:
    if domain.is_primary:
        return "primary"
    return "becomes primary" if domain.becomes_primary else "redirects"
