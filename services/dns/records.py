"""Ensures a project's records in a zone of our INWX account, and undoes them.

What keeps a record from being made twice, or a stranger's from being touched:

1. The zone is read. A record is ours if its id is written down, or if a create intent is written down and the content
   is the same. Anything else that leads one of our names elsewhere is a conflict.
2. What is about to be made is recorded as an intent. It stands only where step 1 saw no such record, so an equal one
   that is found later came from us.
3. The create. INWX refuses an exactly equal record (2302): neither a repetition, nor a try that lost its lease and
   creates late, makes a second one. That is why an older look needs no renewal, and a create that was answered no
   second look; after a lost answer or a 2302 the client looks.
4. The id is written with the step's outcome. If that is lost, the intent stands and step 1 of the next try adopts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from contracts import CustomerText, DnsRecord, RecordType
from services.dns.inwx import Inwx, InwxRecord
from services.dns.inwx_errors import InwxNotFoundError
from services.dns.models import ManagedMailRecord, ManagedRecord, RecordHolder
from shared.errors import PermanentError, TemporaryError
from shared.step import Step
from shared.writes import Delete, Upsert

_LEADING = frozenset({"A", "AAAA", "CNAME", "ALIAS", "URL", "NS"})
"""Types that decide where a name leads (NS: below the zone's own name, as a delegation)."""


@dataclass(slots=True)
class Plan:
    """What is to be done in one zone: ids that are right, records to create, ids to change, ids to delete."""

    kept: list[tuple[DnsRecord, str]] = field(default_factory=list)
    changed: list[tuple[DnsRecord, str]] = field(default_factory=list)
    created: list[DnsRecord] = field(default_factory=list)
    surplus: list[InwxRecord] = field(default_factory=list)


def plan(zone: str, wanted: Sequence[DnsRecord], rows: Sequence[ManagedRecord], found: Sequence[InwxRecord]) -> Plan:
    """Compare what is wanted with what was written down and with what the zone holds.

    Raises:
        PermanentError: a record that is not ours leads one of the names elsewhere.

    """
    ours = {record.id: record for record in found if any(_owns(row, record) for row in rows)}
    names = {record.name for record in wanted}
    for other in found:
        if other.id not in ours and other.name in names and leads(other, zone):
            raise _conflict(other, zone)
    recorded = {row.record_id for row in rows}
    result = Plan()
    for record in wanted:
        same = [each for each in ours.values() if (each.name, each.type) == (record.name, record.type)]
        if not same:
            result.created.append(record)
            continue
        same.sort(key=lambda each: (each.id not in recorded, each.age))
        right = same[0].equals(record) and same[0].ttl == record.ttl
        (result.kept if right else result.changed).append((record, same[0].id))
        result.surplus += same[1:]
    return result


async def ensure(
    step: Step,
    inwx: Inwx,
    zone: str,
    wanted: Sequence[DnsRecord],
    rows: Sequence[ManagedRecord],
    found: Sequence[InwxRecord],
) -> list[ManagedRecord]:
    """Make the zone hold `wanted`; return the rows that say so, for the step's outcome.

    `found` is what the zone was just seen to hold, at least under the names of `wanted`.

    Raises:
        PermanentError: a conflict, or what INWX refuses for good.
        OutcomeUnknownError: a create that was not answered; the next try finds it by its intent.

    """
    todo = plan(zone, wanted, rows, found)
    done = [_row(step.project_id, zone, record, record_id) for record, record_id in todo.kept]
    if todo.created or todo.changed or todo.surplus:
        intents = [_row(step.project_id, zone, record, None) for record in todo.created]
        unseen = [_row(step.project_id, zone, record, record_id, seen=False) for record, record_id in todo.changed]
        await step.record(*(Upsert(row) for row in (*done, *unseen, *intents)))
    for record, record_id in todo.changed:
        try:
            await inwx.update_record(zone, record_id, record)
        except InwxNotFoundError as error:
            raise TemporaryError(f"{record.name} vanished while it was changed", code="dns_record_gone") from error
        done.append(_row(step.project_id, zone, record, record_id))
    for record in todo.created:
        record_id = await inwx.create_record(zone, record)
        done.append(_row(step.project_id, zone, record, record_id))
    for surplus in todo.surplus:
        await inwx.delete_record(zone, surplus.id, name=surplus.name)
    return done


def is_obsolete(row: ManagedRecord, wanted: Sequence[DnsRecord]) -> bool:
    """Whether the row serves no wanted record; one that was answered can still be given another content."""
    same = [record for record in wanted if (record.name, record.type) == row.key]
    return not same or (row.is_unanswered and same[0].content != row.content)


def unanswered_for(rows: Iterable[ManagedRecord | ManagedMailRecord], grace: float) -> float:
    """Seconds until no create of `rows` can still be under way; 0 when that is so."""
    ages = [(datetime.now(UTC) - row.intended_at).total_seconds() for row in rows if row.is_unanswered]
    return max([0.0, *(grace - age for age in ages)])


async def undo(inwx: Inwx, rows: Sequence[ManagedRecord]) -> list[Delete]:
    """Delete at INWX exactly what `rows` say is ours; return the writes that forget it.

    Intents must be past their grace (`unanswered_for`): they are looked up by name, type and content.
    """
    for row in rows:
        if row.holder is RecordHolder.CUSTOMER or row.zone is None:
            continue
        for record_id in [row.record_id] if row.record_id else await _answers(inwx, row, row.zone):
            await inwx.delete_record(row.zone, record_id, name=row.name)
    return [Delete(row) for row in rows]


async def _answers(inwx: Inwx, intent: ManagedRecord, zone: str) -> list[str]:
    try:
        found = await inwx.records(zone, name=intent.name)
    except InwxNotFoundError:
        return []
    return [record.id for record in found if _owns(intent, record)]


def _owns(row: ManagedRecord, record: InwxRecord) -> bool:
    if row.holder is RecordHolder.CUSTOMER:
        return False
    return record.id == row.record_id if row.record_id else record.equals(row.says())


def leads(record: InwxRecord, zone: str) -> bool:
    """Whether the record decides where its name leads."""
    return record.type in _LEADING and not (record.type == "NS" and record.name == zone)


def _conflict(record: InwxRecord, zone: str) -> PermanentError:
    return PermanentError(
        f"{record} stands in the zone {zone} and was not set by provisioning: delete it at INWX (id {record.id}) or "
        "change the order, then replay",
        code="dns_conflict",
        customer_text=CustomerText(
            de=f"Unter {record.name} gibt es schon einen anderen DNS-Eintrag. Wir klären das und melden uns.",
            en=f"Another DNS record already exists for {record.name}. We are looking into it and will get in touch.",
        ),
    )


def _row(project_id: UUID, zone: str, record: DnsRecord, record_id: str | None, *, seen: bool = True) -> ManagedRecord:
    now = datetime.now(UTC)
    return ManagedRecord(
        project_id=project_id,
        name=record.name,
        type=RecordType(record.type),
        content=record.content,
        ttl=record.ttl,
        holder=RecordHolder.INWX,
        zone=zone,
        record_id=record_id,
        intended_at=now,
        seen_at=now if record_id and seen else None,
    )
