"""A domain that is held elsewhere: the customer sets the records, dns waits and looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts import CustomerText, DnsRecord, DnsRecordsNeeded, ProjectOrdered, RecordType
from services.dns.authority import Answer, Authority, as_detail, expected_of
from services.dns.models import ManagedRecord, Placement, RecordHolder
from services.dns.outcomes import configured
from shared.errors import PermanentError, TemporaryError
from shared.models import ProvisioningState
from shared.outcome import Outcome, Parked
from shared.step import Step
from shared.writes import Upsert

_MOST_FOUND = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPatience:
    """How long a customer is waited for, and how often dns looks: a tenth of the wait so far, within bounds."""

    gives_up_after: timedelta
    look_after: float
    look_at_most: float

    def next_look(self, waited: timedelta) -> float:
        """Seconds until the next look."""
        return min(max(self.look_after, waited.total_seconds() / 10), self.look_at_most)


async def wait_for_customer(
    order: ProjectOrdered,
    step: Step,
    place: Placement,
    wanted: Sequence[DnsRecord],
    rows: Sequence[ManagedRecord],
    *,
    authority: Authority,
    patience: CustomerPatience,
) -> Outcome:
    """Look whether the domain's name servers answer with `wanted`; ask the customer once for it, then wait.

    Raises:
        PermanentError: the customer's time is over.

    """
    answers, trouble = await _look(order, wanted, authority)
    asked_for = [_row(step, record) for record in wanted]
    if not trouble:
        return configured(order, place, wanted, answers, writes=[Upsert(row) for row in asked_for])
    waited = datetime.now(UTC) - step.opened_at
    if waited >= patience.gives_up_after:
        raise _given_up(order, patience, trouble)
    is_asked = {row.says() for row in rows if row.holder is RecordHolder.CUSTOMER} == set(wanted)
    needed = DnsRecordsNeeded(fqdn=order.fqdn, records=tuple(wanted), found=_found(answers))
    return Parked(
        key=f"records:{order.fqdn}",
        look_again=patience.next_look(waited),
        until_woken=True,
        message=f"Waiting for the customer to set the DNS records of {order.fqdn}: {trouble}.",
        events=() if is_asked else (needed,),
        writes=() if is_asked else tuple(Upsert(row) for row in asked_for),
        state=ProvisioningState.WAITING_FOR_CUSTOMER,
        detail={"name_servers": as_detail(answers), "placement": place.reason, "considered": place.considered},
    )


async def _look(
    order: ProjectOrdered, wanted: Sequence[DnsRecord], authority: Authority
) -> tuple[list[Answer], str | None]:
    """Ask the name servers; what is wrong yet, None if nothing is."""
    expected = expected_of(wanted)
    for record in wanted:  # an old IPv6 address would catch half of the visitors, and Let's Encrypt
        expected.setdefault((record.name, RecordType.AAAA), frozenset())
    try:
        answers = await authority.ask(await authority.zone_of(order.fqdn), expected)
    except TemporaryError as error:  # a domain without working name servers is the customer's matter too
        return [], str(error)
    return answers, next((str(answer) for answer in answers if not answer.matches), None)


def _found(answers: Sequence[Answer]) -> tuple[str, ...]:
    found = {f"{answer.name} {answer.type} {content}" for answer in answers for content in answer.contents}
    return tuple(sorted(found)[:_MOST_FOUND])


def _given_up(order: ProjectOrdered, patience: CustomerPatience, trouble: str) -> PermanentError:
    days = f"{patience.gives_up_after.total_seconds() / 86_400:g}"
    return PermanentError(
        f"the DNS records of {order.fqdn} were not set within {days} days: {trouble}. Ask the customer, then replay",
        code="customer_records_missing",
        customer_text=CustomerText(
            de=f"Die DNS-Einträge für {order.fqdn} fehlen noch. Bitte melden Sie sich, sobald sie gesetzt sind.",
            en=f"The DNS records for {order.fqdn} are still missing. Please get in touch once they are set.",
        ),
    )


def _row(step: Step, record: DnsRecord) -> ManagedRecord:
    return ManagedRecord(
        project_id=step.project_id,
        name=record.name,
        type=RecordType(record.type),
        content=record.content,
        ttl=record.ttl,
        holder=RecordHolder.CUSTOMER,
        zone=None,
        record_id=None,
        intended_at=datetime.now(UTC),
        seen_at=None,
    )
