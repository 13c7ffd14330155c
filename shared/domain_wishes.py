"""What people wish of a live project's domains, said in the marketplace's name, and how things stand with each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CloudEvent, DomainAdded, DomainRemoved, Event, PrimaryDomainChanged, ServiceName
from shared.added_domains import ClaimDomain, Decided, DropDomain, added_domains
from shared.errors import RefusedError, UnknownError
from shared.host_claims import HostRefused
from shared.hosts import as_shown
from shared.marketplace_outbox import AT_ONCE, put
from shared.messaging.settle import lock_projects
from shared.models import Project, ProjectDomain, ProjectOrder, ProvisioningState
from shared.outbox import Message
from shared.transaction import Transaction


class DomainState(StrEnum):
    """How far a domain of a project is."""

    SETTING_UP = "setting_up"
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    CONNECTING = "connecting"  # its names lead to us; app, proxy and certificates are to follow
    CONNECTED = "connected"
    REMOVING = "removing"


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainStanding:
    """A domain of a project. `is_ordered`: with the project, so it stays as long as that. Times are UTC.

    `becomes_primary`: as soon as it works. `findings` are those of `DnsRecordsNeeded`.
    """

    domain: str
    state: DomainState
    is_primary: bool
    is_ordered: bool
    becomes_primary: bool = False
    connected_at: datetime | None = None
    findings: Sequence[dict[str, Any]] = ()


_OF_ORDERED = {
    ProvisioningState.LIVE: DomainState.CONNECTED,
    ProvisioningState.WAITING_FOR_CUSTOMER: DomainState.WAITING_FOR_CUSTOMER,
    ProvisioningState.CANCELLING: DomainState.REMOVING,
}
"""How far the domain of the order is, by how far the project is."""


async def domains_of(connection: AsyncConnection, project_id: UUID) -> list[DomainStanding]:
    """Read the project's domains, the one that was ordered first, then as they were added."""
    stands = (
        select(ProjectOrder.fqdn, Project.provisioning_state.label("state"))
        .join(Project, Project.vrs_id == ProjectOrder.project_id)
        .where(ProjectOrder.project_id == project_id)
    )
    ordered = (await connection.execute(stands)).one_or_none()
    held = select(ProjectDomain.host, ProjectDomain.is_primary).where(
        ProjectDomain.project_id == project_id, ~ProjectDomain.is_coming
    )
    hosts = {row.host: row.is_primary for row in await connection.execute(held)}
    standings = []
    if ordered is not None and ordered.fqdn in hosts:
        state, is_primary = _OF_ORDERED.get(ordered.state, DomainState.SETTING_UP), hosts[ordered.fqdn]
        standings.append(DomainStanding(domain=ordered.fqdn, state=state, is_primary=is_primary, is_ordered=True))
    rows = [row for row in await added_domains(connection, project_id) if row.domain in hosts]
    standings += [
        DomainStanding(
            domain=row.domain,
            state=_state_of(row),
            is_primary=hosts[row.domain],
            is_ordered=False,
            becomes_primary=row.makes_primary,
            connected_at=row.connected_at,
            findings=row.findings,
        )
        for row in sorted(rows, key=lambda row: row.created_at)
    ]
    return standings


async def add_domain(
    transaction: Transaction, project_id: UUID, domain: str, *, primary: bool, by: str, lease: timedelta = AT_ONCE
) -> Message:
    """Claim the domain and its ``www`` for the project and say DomainAdded, with the caller's transaction.

    Raises:
        RefusedError: the project is not live, has the domain already, or may not have it.

    """
    domains = await _of_live(transaction, project_id)
    known = next((each for each in domains if each.domain == domain), None)
    if known is not None and known.state is not DomainState.REMOVING:
        raise RefusedError(f"{as_shown(domain)} is a domain of the project already", code="domain_had")
    wish = DomainAdded(domain=domain, primary=primary, requested_by=by)
    event = await _wish(transaction.connection, project_id, wish)
    claim = ClaimDomain(domain, primary, event.time)
    [decided] = await ClaimDomain.apply(transaction.connection, [(project_id, claim)])
    if isinstance(decided, HostRefused):
        raise RefusedError(f"{decided.sentence}: choose another domain", code=decided.problem)
    if decided is not Decided.DONE:
        raise RefusedError(f"{as_shown(domain)} is a name of the project already", code="domain_had")
    return await _say(transaction.connection, event, lease)


async def remove_domain(
    transaction: Transaction, project_id: UUID, domain: str, *, by: str, lease: timedelta = AT_ONCE
) -> Message:
    """Say DomainRemoved with the caller's transaction.

    Raises:
        UnknownError: the project has no such domain.
        RefusedError: it is the primary one, was ordered with the project, or is being removed; it is not live.

    """
    known, shown = await _known(transaction, project_id, domain), as_shown(domain)
    if known.is_primary:
        raise RefusedError(f"{shown} is the primary domain: make another one primary first", code="domain_primary")
    if known.is_ordered:
        said = f"{shown} was ordered with the project: it stays until the project is cancelled"
        raise RefusedError(said, code="domain_ordered")
    event = await _wish(transaction.connection, project_id, DomainRemoved(domain=domain, requested_by=by))
    await DropDomain.apply(transaction.connection, [(project_id, DropDomain(domain, event.time))])
    return await _say(transaction.connection, event, lease)


async def change_primary(
    transaction: Transaction, project_id: UUID, domain: str, *, by: str, lease: timedelta = AT_ONCE
) -> Message | None:
    """Say PrimaryDomainChanged with the caller's transaction; None if it is the primary one and stays so.

    Raises:
        UnknownError: the project has no such domain.
        RefusedError: it is being removed, or the project is not live.

    """
    known = await _known(transaction, project_id, domain)
    others = await domains_of(transaction.connection, project_id)
    if known.is_primary and not any(each.becomes_primary for each in others):
        return None
    wish = PrimaryDomainChanged(domain=domain, requested_by=by)
    return await _say(transaction.connection, await _wish(transaction.connection, project_id, wish), lease)


def _state_of(row: Any) -> DomainState:
    if not row.is_wanted:
        return DomainState.REMOVING
    if row.connected_at is not None:
        return DomainState.CONNECTED
    if row.pointed_at is not None and not row.is_new:
        return DomainState.CONNECTING
    return DomainState.WAITING_FOR_CUSTOMER if row.findings else DomainState.SETTING_UP


async def _of_live(transaction: Transaction, project_id: UUID) -> list[DomainStanding]:
    await lock_projects(transaction, [project_id])
    state = select(Project.provisioning_state).where(Project.vrs_id == project_id)
    found = await transaction.connection.scalar(state)
    if found is not ProvisioningState.LIVE:
        said = f"project {project_id} is {found or 'not known'}: its domains are changed when it is live"
        raise RefusedError(said, code="project_not_live")
    return await domains_of(transaction.connection, project_id)


async def _known(transaction: Transaction, project_id: UUID, domain: str) -> DomainStanding:
    domains = await _of_live(transaction, project_id)
    known = next((each for each in domains if each.domain == domain), None)
    if known is None:
        names = ", ".join(as_shown(each.domain) for each in domains)
        raise UnknownError(f"{as_shown(domain)} is no domain of the project; it has {names}", code="domain_not_had")
    if known.state is DomainState.REMOVING:
        raise RefusedError(f"{as_shown(domain)} is being removed", code="domain_leaving")
    return known


async def _wish(connection: AsyncConnection, project_id: UUID, wish: Event) -> CloudEvent[Any]:
    story = select(ProjectOrder.correlation_id).where(ProjectOrder.project_id == project_id)
    correlation_id = await connection.scalar(story)
    source = ServiceName.MARKETPLACE.value
    return CloudEvent.of(wish, source=source, project_id=project_id, correlation_id=correlation_id)


async def _say(connection: AsyncConnection, event: CloudEvent[Any], lease: timedelta) -> Message:
    [message] = await put(connection, [event], lease=lease)
    return message
