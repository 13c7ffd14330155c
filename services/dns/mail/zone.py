"""Sets the records for mail in a zone of our INWX account, and takes exactly them out again.

As in `services.dns.records`: what is about to be made is recorded, and stands only where no such record was seen, so an
equal one that is found later came from us. A record that others have a part in is changed instead: before that it is
recorded as merged, and only our part is ever taken out of it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from contracts import MailRecord, MailRecordType
from services.dns.inwx import Inwx, InwxRecord
from services.dns.inwx_errors import InwxNotFoundError
from services.dns.mail import dmarc, spf
from services.dns.mail.plan import DMARC, SPF, Plan, Slot
from services.dns.models import ManagedMailRecord
from shared.errors import TemporaryError
from shared.models import MailDomain
from shared.step import Step
from shared.writes import Delete, Upsert

_WITHOUT = {SPF: spf.without, DMARC: dmarc.without}


async def ensure(
    step: Step,
    inwx: Inwx,
    domain: MailDomain,
    zone: str,
    made: Plan,
    rows: Sequence[ManagedMailRecord],
    found: Sequence[InwxRecord],
) -> list[ManagedMailRecord]:
    """Make the zone hold the plan's records; return the rows that say so, for the step's outcome.

    Raises:
        PermanentError: what INWX refuses for good.
        OutcomeUnknownError: a create that was not answered; the next try finds it by its intent.

    """
    known = {row.slot: row for row in rows}
    done = [_answered(known[slot.key], found) for slot in made.slots if slot.is_there and slot.key in known]
    added = [slot for slot in made.slots if slot.is_new]
    changed = [(slot, _standing(slot, found)) for slot in made.slots if slot.changes is not None]
    new = [_row(domain, zone, slot, None) for slot in added]
    merged = [_merged(known.get(slot.key), domain, zone, slot, record) for slot, record in changed]
    if new or merged:
        await step.record(*(Upsert(row) for row in (*done, *merged, *new)))
    for (slot, record), row in zip(changed, merged, strict=True):
        try:
            await inwx.update_record(zone, record.id, slot.record.model_copy(update={"ttl": record.ttl or row.ttl}))
        except InwxNotFoundError as error:
            raise TemporaryError(f"{slot.record.name} vanished while it was changed", code="dns_record_gone") from error
        done.append(row.changed(seen_at=datetime.now(UTC)))
    for slot, row in zip(added, new, strict=True):
        record_id = await inwx.create_record(zone, slot.record)
        done.append(row.changed(record_id=record_id, seen_at=datetime.now(UTC)))
    return done


def obsolete(rows: Sequence[ManagedMailRecord], wanted: Mapping[str, MailRecord]) -> list[ManagedMailRecord]:
    """Rows of records that are not wanted (so) any more."""
    right = {(slot, record.name, record.type, record.content) for slot, record in wanted.items()}
    return [
        row for row in rows if row.slot not in _WITHOUT and (row.slot, row.name, row.type, row.content) not in right
    ]


async def undo(inwx: Inwx, rows: Sequence[ManagedMailRecord]) -> tuple[list[MailRecord], list[Delete]]:
    """Take out what `rows` say is ours; return the records that are gone or changed, and the writes that forget it.

    What an earlier try took out is gone as well. A record that others have changed since is theirs, but for our part in
    it. Intents must be past their grace: they are looked up by name, type and content.
    """
    gone: list[MailRecord] = []
    for row in rows:
        try:
            found = await inwx.records(row.zone, name=row.name)
        except InwxNotFoundError:
            continue  # the zone has left our account
        ours = [
            record for record in found if (record.id == row.record_id if row.record_id else record.equals(row.says()))
        ]
        if all([await _take_out(inwx, row, record) for record in ours]):
            gone.append(row.says())
    return gone, [Delete(row) for row in rows]


async def _take_out(inwx: Inwx, row: ManagedMailRecord, record: InwxRecord) -> bool:
    """False if it is others' by now, and stays as it is."""
    if not row.is_merged and record.equals(row.says()):
        await inwx.delete_record(row.zone, record.id, name=row.name)
        return True
    if row.slot not in _WITHOUT or (row.slot == DMARC and not row.is_merged):
        return False
    rest = _WITHOUT[row.slot](record.content)
    if rest == record.content:
        return True
    values = row.says().model_copy(update={"content": rest, "ttl": record.ttl or row.ttl})
    await inwx.update_record(row.zone, record.id, values)
    return True


def _answered(row: ManagedMailRecord, found: Sequence[InwxRecord]) -> ManagedMailRecord:
    """The row of a record that stands there; an intent gets the id of what it made."""
    if row.record_id is not None:
        return row.changed(seen_at=datetime.now(UTC))
    equal = [record for record in found if record.equals(row.says())]
    record_id = min(equal, key=lambda record: record.age).id if equal else None
    return row.changed(record_id=record_id, seen_at=datetime.now(UTC) if record_id else None)


def _standing(slot: Slot, found: Sequence[InwxRecord]) -> InwxRecord:
    here = slot.record.name, slot.record.type.value, slot.changes
    return next(record for record in found if (record.name, record.type, record.content) == here)


def _merged(
    known: ManagedMailRecord | None, domain: MailDomain, zone: str, slot: Slot, record: InwxRecord
) -> ManagedMailRecord:
    """A record that was ours alone and has been changed since is others', too."""
    row = _row(domain, zone, slot, record.id)
    row.is_merged = known is None or known.is_merged or known.record_id != record.id or known.content != record.content
    return row


def _row(domain: MailDomain, zone: str, slot: Slot, record_id: str | None) -> ManagedMailRecord:
    return ManagedMailRecord(
        project_id=domain.project_id,
        domain=domain.domain,
        slot=slot.key,
        name=slot.record.name,
        type=MailRecordType(slot.record.type),
        content=slot.record.content,
        priority=slot.record.priority,
        ttl=slot.record.ttl,
        zone=zone,
        record_id=record_id,
        is_merged=False,
        intended_at=datetime.now(UTC),
        seen_at=None,
    )
