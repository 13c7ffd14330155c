"""How ProjectOrdered can end or rest, as outcomes and errors."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from contracts import CapacityNeeded, CustomerText, DnsConfigured, DnsRecord, ProjectOrdered, ServerVerdict
from services.dns.authority import Answer, as_detail
from services.dns.models import Placement
from services.dns.reservation import Waiting
from services.dns.servers import wait_of
from shared.errors import PermanentError
from shared.host_claims import HostProblem, HostRefused
from shared.models import ProvisioningState
from shared.outcome import Done, Parked
from shared.writes import Upsert, Write


def capacity_key(project_id: UUID) -> str:
    """The wake key of a project that waits for a place."""
    return f"capacity:{project_id}"


def configured(
    order: ProjectOrdered,
    place: Placement,
    records: Sequence[DnsRecord],
    answers: Sequence[Answer],
    *,
    writes: Sequence[Write],
) -> Done:
    """Every name server answers with the records."""
    return Done(
        message=f"{order.fqdn} leads to {place.server.name}: every name server answers with the records.",
        events=(
            DnsConfigured(
                fqdn=order.fqdn, records=tuple(records), server=place.server, placement_reason=place.reason[:500]
            ),
        ),
        writes=tuple(writes),
        state=ProvisioningState.DNS_CONFIGURED,
        detail={
            "placement": place.reason,
            "considered": place.considered,
            "name_servers": as_detail(answers),
        },
    )


def waits_for_capacity(order: ProjectOrdered, waiting: Waiting) -> Parked:
    """No server can take the project now. That is said once, in the commit that writes down that it was."""
    where = f" in region {order.region}" if order.region else ""
    queue = f", after {waiting.ahead} that came before it" if waiting.ahead else ""
    verdicts = tuple(ServerVerdict(server=each["server"], verdict=each["verdict"]) for each in waiting.considered)
    needed = CapacityNeeded(
        fqdn=order.fqdn, plan=order.plan, region=order.region, ahead=waiting.ahead, considered=verdicts
    )
    return Parked(
        key=capacity_key(waiting.wish.project_id),
        until_woken=True,
        message=f"No server{where} has room; the project goes on by itself when there is a place for it{queue}.",
        events=() if waiting.is_told else (needed,),
        writes=() if waiting.is_told else (Upsert(wait_of(waiting.wish, told_at=datetime.now(UTC))),),
        state=ProvisioningState.WAITING_FOR_CAPACITY,
        detail={"considered": waiting.considered},
    )


def refusal(refused: HostRefused) -> PermanentError:
    """Why the project cannot have its names, and what to do about it."""
    host = refused.host
    match refused.problem:
        case HostProblem.TAKEN:
            message = f"{host} belongs to another project: cancel that one, or order under another name"
            text = CustomerText(
                de=f"Die Adresse {host} ist schon vergeben. Bitte wählen Sie eine andere.",
                en=f"The address {host} is already taken. Please choose another one.",
            )
        case HostProblem.UNKNOWN_BASE_DOMAIN:
            message = f"{host} is no base domain of ours: add it to base_domains (`vrs db seed`), or correct the order"
            text = CustomerText(
                de=f"Unter {host} können wir keine Projekte anlegen. Wir klären das und melden uns.",
                en=f"We cannot set up projects under {host}. We are looking into it and will get in touch.",
            )
        case HostProblem.UNDER_BASE_DOMAIN:
            message = f"{host} lies in a base domain, whose names are given by slug: order it with base_domain and slug"
            text = CustomerText(
                de=f"Die Adresse {host} kann nicht als eigene Domain bestellt werden.",
                en=f"The address {host} cannot be ordered as a domain of your own.",
            )
        case HostProblem.RESERVED:
            message = f"{host} is reserved (shared/reserved_names.toml, base_domains): order another slug"
            text = CustomerText(
                de=f"Die Adresse {host} kann nicht vergeben werden. Bitte wählen Sie eine andere.",
                en=f"The address {host} cannot be given away. Please choose another one.",
            )
    return PermanentError(message, code=refused.problem.value, customer_text=text)
