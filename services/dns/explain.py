"""What dns would do about an event, for an operator who thinks about a replay. Reads its rows, asks nobody."""

from contracts import (
    DomainAdded,
    DomainConnected,
    DomainRegistrationRequested,
    DomainRemoved,
    DomainTransferRequested,
    MailDomainRequested,
    PrimaryDomainChanged,
    ProjectCancelled,
    ProjectOrdered,
    RecordType,
)
from services.dns.models import ManagedMailRecord, ManagedRecord, Placement, RecordHolder
from shared.dead_letters.explain import Circumstances, Explanations
from shared.host_claims import hosts_of, own_hosts
from shared.models import (
    AddedDomain,
    DomainRegistration,
    DomainTransfer,
    MailDomain,
    MailSender,
    ProvisioningState,
    RegistrationStage,
    TransferStage,
    TransferWithdrawal,
)


async def ordered(order: ProjectOrdered, now: Circumstances) -> list[str]:
    """A place, the records that are missing, the wait for the name servers."""
    rows, places = await now.rows(ManagedRecord), await now.rows(Placement)
    if not places:
        asked = f" by {order.placement}" if order.placement else ""
        said = [f"would take a place on a server{asked}"]
        addresses = dict.fromkeys((RecordType.A, RecordType.AAAA), "that server's address")
    else:
        server = places[0].server
        said = [f"would keep the place on {server.name}"]
        addresses = {RecordType.A: str(server.ipv4)} | ({RecordType.AAAA: str(server.ipv6)} if server.ipv6 else {})
    set_already = {(row.name, row.type, row.content) for row in rows if row.record_id}
    hosts = hosts_of(order)
    if order.own_domain is not None:
        said.append(f"would call INWX: find the zone of {order.own_domain}, or else ask the customer for the records")
    for host in hosts:
        for kind, content in addresses.items():
            known = " (set before)" if (host, kind, content) in set_already else ""
            said.append(f"would call INWX: ensure record {kind} {host} -> {content}{known}")
    said += [
        f"would call INWX: delete record {row.type} {row.name} ({row.record_id or 'if its create came true'})"
        for row in rows
        if row.holder is RecordHolder.INWX and row.name not in hosts
    ]
    return [*said, "would wait until every authoritative name server answers with them"]


async def cancelled(cancellation: ProjectCancelled, now: Circumstances) -> list[str]:
    """Delete what is written down, free the place."""
    del cancellation
    records = [row for row in await now.rows(ManagedRecord) if row.holder is RecordHolder.INWX]
    said = [
        f"would call INWX: delete record {row.type} {row.name} ({row.record_id or 'if its create came true'})"
        for row in records
    ]
    said += [
        f"would call INWX: {'take our part out of' if row.is_merged else 'delete'} record {row.type} {row.name} "
        f"({row.record_id or 'if its create came true'})"
        for row in await now.rows(ManagedMailRecord)
    ]
    said += [
        f"would call Brevo: remove the sender domain {row.domain}"
        for row in await now.rows(MailDomain)
        if row.sender in (MailSender.MADE, MailSender.INTENDED)
    ]
    said += [f"would free the place on {place.server.name}" for place in await now.rows(Placement)]
    return said or ["would find nothing to undo"]


async def registration(requested: DomainRegistrationRequested, now: Circumstances) -> list[str]:
    """Look up what may have been ordered; order what was not; wait for the registry."""
    for row in await now.rows(DomainRegistration):
        match row.stage:
            case RegistrationStage.REGISTERED:
                return [f"would find {row.domain} registered"]
            case RegistrationStage.HELD:
                return [f"would wait for a case worker ({row.hold}): `vrs domains register {row.domain}`"]
            case RegistrationStage.INTENDED | RegistrationStage.PENDING:
                return [f"would call INWX: look up {row.domain}, and order it only if INWX never got the order"]
            case _:
                price = f"{row.max_cents / 100:.2f} EUR"
                return [f"would call INWX: order {row.domain}, if it is free and costs at most {price}"]
    return [f"would find that nobody wants {requested.domain} any more"]


async def mail(requested: MailDomainRequested, now: Circumstances) -> list[str]:
    """Find or make the sender domain, set the records or ask for them, wait until all have seen them."""
    domain = requested.domain
    known = next((row for row in await now.rows(MailDomain) if row.domain == domain), None)
    has_sender = known is not None and known.sender in (MailSender.MADE, MailSender.FOUND)
    said = [] if has_sender else [f"would call Brevo: find the sender domain {domain}, or make it"]
    return [
        *said,
        f"would call INWX: ensure the records for mail in the zone of {domain}, or else ask the customer for them",
        "would wait until every authoritative name server answers with them, and Brevo has verified them",
    ]


async def transfer(requested: DomainTransferRequested, now: Circumstances) -> list[str]:
    """Look up what may have been ordered; order what was not; wait for the registry."""
    for row in await now.rows(DomainTransfer):
        if row.domain != requested.domain:
            continue
        if row.stage is not TransferStage.TRANSFERRED and await _is_withdrawn(row, now):
            return [f"would call INWX: give the transfer of {row.domain} up, and remove what it made"]
        match row.stage:
            case TransferStage.TRANSFERRED:
                return [f"would find {row.domain} transferred"]
            case TransferStage.FAILED:
                return [f"would wait for a case worker ({row.problem}): `vrs domains transfer PROJECT {row.domain}`"]
            case TransferStage.INTENDED | TransferStage.PENDING:
                return [f"would call INWX: look up {row.domain}, and order it only if INWX never got the order"]
            case _:
                price = f"{row.max_cents / 100:.2f} EUR"
                return [f"would call INWX: order the transfer of {row.domain}, if it costs at most {price}"]
    return [f"would find that nobody wants {requested.domain} any more"]


async def _is_withdrawn(row: DomainTransfer, now: Circumstances) -> bool:
    return any(each.domain == row.domain for each in await now.rows(TransferWithdrawal))


async def added(event: DomainAdded, now: Circumstances) -> list[str]:
    """Claim the names; set the records, or ask for them; tell the routes."""
    names = ", ".join(own_hosts(event.domain))
    if (until_live := _until_live(now)) is not None:
        return [until_live]
    if any(row.domain == event.domain and not row.is_new for row in await now.rows(AddedDomain)):
        return [f"would find {names} leading to us, and tell the project's routes again"]
    return [
        f"would claim {names}, unless a newer wish says otherwise",
        f"would call INWX: find the zone of {event.domain} and ensure its records, or else ask the customer for them",
        "would tell all routes of the project when every name server answers",
    ]


async def removed(event: DomainRemoved, now: Circumstances) -> list[str]:
    """Take it out of the routes, delete what is written down."""
    if (until_live := _until_live(now)) is not None:
        return [until_live]
    rows = [row for row in await now.rows(ManagedRecord) if row.name in own_hosts(event.domain)]
    ours = [row for row in rows if row.holder is RecordHolder.INWX]
    return [
        f"would tell the project's routes without {event.domain}, unless it is the primary one or a newer wish says so",
        *(f"would call INWX: delete record {row.type} {row.name} ({row.record_id})" for row in ours),
    ]


async def chosen(event: PrimaryDomainChanged, now: Circumstances) -> list[str]:
    """Change the primary domain, now or when it works."""
    return [_until_live(now) or f"would make {event.domain} the primary domain, now or as soon as it works"]


async def connected(event: DomainConnected, now: Circumstances) -> list[str]:
    """Note it; perhaps it is the primary one then."""
    becomes = any(row.domain == event.domain and row.makes_primary for row in await now.rows(AddedDomain))
    return [f"would note that {event.domain} works" + (" and make it the primary domain" if becomes else "")]


def _until_live(now: Circumstances) -> str | None:
    if now.project is None or now.project.state is not ProvisioningState.LIVE:
        return "would wait until the project is live"
    return None


EXPLANATIONS = Explanations(
    {
        ProjectOrdered: ordered,
        DomainRegistrationRequested: registration,
        MailDomainRequested: mail,
        DomainTransferRequested: transfer,
        DomainAdded: added,
        DomainRemoved: removed,
        PrimaryDomainChanged: chosen,
        DomainConnected: connected,
        ProjectCancelled: cancelled,
    }
)
