"""A domain that is held elsewhere: the customer sets the records, dns looks, reminds, and goes on when they answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts import CustomerText, DnsRecord, DnsRecordsNeeded, ProjectOrdered, RecordType
from services.dns.authority import Authority, as_detail
from services.dns.examination import Examination, examine
from services.dns.models import CustomerWait, ManagedRecord, Placement, RecordHolder
from services.dns.outcomes import configured
from shared.errors import PermanentError
from shared.host_claims import hosts_of
from shared.models import ProvisioningState
from shared.outcome import Outcome, Parked
from shared.step import Step
from shared.writes import Delete, Upsert, Write

_MOST_FOUND = 20

REMINDERS = tuple(timedelta(days=days) for days in (1, 3, 7, 14, 21, 28))
"""After so long the customer is told again, with what is still wrong."""


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
    """Examine the domain; ask the customer once for `wanted`, remind them of what is still wrong, then wait.

    Raises:
        PermanentError: the customer's time is over.

    """
    seen = await examine(authority, hosts_of(order), wanted)
    asked_for = [Upsert(asked_row(step, record)) for record in wanted]
    waits = await step.rows(CustomerWait)
    if not seen.findings:
        forgotten = [Delete(wait) for wait in waits]
        return configured(order, place, wanted, seen.answers, writes=[*asked_for, *forgotten])
    trouble = seen.findings[0].text.en
    waited = datetime.now(UTC) - step.opened_at
    if waited >= patience.gives_up_after:
        raise given_up(order.fqdn, patience, trouble)
    is_asked = are_asked(rows, wanted)
    told = waits[0].reminders if is_asked and waits else 0 if is_asked else None
    needed, reminders = reminding(order.fqdn, wanted, seen, told=told, waited=waited)
    return Parked(
        key=f"records:{order.fqdn}",
        look_again=patience.next_look(waited),
        until_woken=True,
        message=f"Waiting for the customer to set the DNS records of {order.fqdn}: {trouble}",
        events=needed,
        writes=(*(() if is_asked else asked_for), *_noted(step, seen, waits, reminders)),
        state=ProvisioningState.WAITING_FOR_CUSTOMER,
        detail={"name_servers": as_detail(seen.answers), "placement": place.reason, "considered": place.considered},
    )


def are_asked(rows: Sequence[ManagedRecord], wanted: Sequence[DnsRecord]) -> bool:
    """Whether the customer was asked for exactly these records."""
    return {row.says() for row in rows if row.holder is RecordHolder.CUSTOMER} == set(wanted)


def reminding(
    fqdn: str, wanted: Sequence[DnsRecord], seen: Examination, *, told: int | None, waited: timedelta
) -> tuple[tuple[DnsRecordsNeeded, ...], int]:
    """What the customer is to be told now, if anything, and how many reminders that makes.

    `told` is how many there were before; None: they were not asked yet.
    """
    due = sum(waited >= after for after in REMINDERS)
    if told is not None and told >= due:
        return (), told
    needed = DnsRecordsNeeded(
        fqdn=fqdn,
        records=tuple(wanted),
        found=tuple(sorted(set(seen.found()))[:_MOST_FOUND]),
        findings=seen.findings,
        reminder=0 if told is None else due,
    )
    return (needed,), due


def _noted(step: Step, seen: Examination, waits: Sequence[CustomerWait], reminders: int) -> list[Write]:
    """Write down what is wrong, if that or the number of reminders has changed."""
    findings = [finding.model_dump(mode="json") for finding in seen.findings]
    if waits and (waits[0].findings, waits[0].reminders) == (findings, reminders):
        return []
    now = datetime.now(UTC)
    wait = CustomerWait(project_id=step.project_id, reminders=reminders, findings=findings, changed_at=now)
    return [Upsert(wait)]


def given_up(fqdn: str, patience: CustomerPatience, trouble: str) -> PermanentError:
    """The customer's time is over."""
    days = f"{patience.gives_up_after.total_seconds() / 86_400:g}"
    return PermanentError(
        f"the DNS records of {fqdn} were not set within {days} days: {trouble} Ask the customer, then replay",
        code="customer_records_missing",
        customer_text=CustomerText(
            de=f"Die DNS-Einträge für {fqdn} fehlen noch. Bitte melden Sie sich, sobald sie gesetzt sind.",
            en=f"The DNS records for {fqdn} are still missing. Please get in touch once they are set.",
        ),
    )


def asked_row(step: Step, record: DnsRecord) -> ManagedRecord:
    """What is written down of a record that the customer sets."""
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
