"""What a zone at INWX holds beside what is written down of it."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from contracts import ServiceName
from services.dns.inwx import InwxRecord
from services.dns.models import ManagedMailRecord, ManagedRecord
from services.dns.records import leads
from services.dns.repair import RecordRepairs
from shared.reconcile.finding import Caution, Drift, Finding, Repair
from shared.reconcile.standing import Standing

NOTHING = "nothing"

AnyRecord = ManagedRecord | ManagedMailRecord


class Zone:
    """A zone's records, or those of some of its names; `found` is None where the account has no such zone.

    `owned` are the ids that are written down. Any other record is a stray: not ours, or ours and not known as such.
    """

    def __init__(self, name: str, found: Sequence[InwxRecord] | None, owned: AbstractSet[str]) -> None:
        self.name = name
        self.is_there = found is not None
        self._by_id = {record.id: record for record in found or ()}
        self._strays: dict[str, list[InwxRecord]] = {}
        for record in found or ():
            if record.id not in owned and leads(record, name):
                self._strays.setdefault(record.name, []).append(record)

    def of(self, row: ManagedRecord) -> InwxRecord | None:
        """The record with the row's id."""
        return self._by_id.get(row.record_id) if row.record_id else None

    def at(self, name: str, kind: str) -> list[InwxRecord]:
        """The records of this name and type."""
        return [record for record in self._by_id.values() if (record.name, record.type) == (name, kind)]

    def equal(self, row: ManagedRecord) -> InwxRecord | None:
        """A stray that is the record of the row in all but its id."""
        return next((stray for stray in self._strays.get(row.name, ()) if stray.equals(row.says())), None)

    def beside(self, row: ManagedRecord) -> list[InwxRecord]:
        """Strays that lead the row's name elsewhere."""
        return [stray for stray in self._strays.get(row.name, ()) if not stray.equals(row.says())]

    def strays(self, explained: AbstractSet[str]) -> list[InwxRecord]:
        """All strays but those with these ids."""
        return [stray for strays in self._strays.values() for stray in strays if stray.id not in explained]


@dataclass(frozen=True, slots=True)
class Drifts:
    """Judges rows and strays. `grace`: seconds after which an unanswered create cannot be under way any more."""

    repairs: RecordRepairs
    grace: float

    def of_row(self, row: ManagedRecord, standing: Standing, zone: Zone) -> Finding | None:
        """What is off about a record that is written down; None if nothing is."""
        if standing.is_lost:
            advice = f"there is no such project: `vrs cancel {row.project_id}`"
            return finding_of(row, Drift.ORPHANED, zone.of(row) or zone.equal(row), advice=advice)
        found = self._answered(row, standing, zone) if row.record_id else self._unanswered(row, standing, zone)
        if found is None or (found.drift is Drift.UNANSWERED and not standing.is_worked_on):
            return found
        return found.left_to(standing.busy) if standing.busy else found

    def doubled(
        self, stray: InwxRecord, project_id: UUID, standing: Standing, zone: str, *, ours: Caution | None
    ) -> Finding:
        """A stray leads a name of the project elsewhere; `ours`: how sure it is that dns made it, None: not at all."""
        found = Finding(
            service=ServiceName.DNS,
            drift=Drift.DOUBLED,
            project_id=project_id,
            thing=f"{stray.type} {stray.name} ({stray.id})",
            database="not written down",
            vendor=_shown(stray),
            repair=self.repairs.delete_stray(zone, stray, project_id, ours) if ours else None,
            advice="" if ours else "provisioning did not set it: delete it at INWX, or ask who did",
        )
        return found.left_to(standing.busy) if standing.busy else found

    def orphaned(self, stray: InwxRecord, project_id: UUID, standing: Standing, zone: str) -> Finding:
        """A record that dns made for a project, and that came, or came back, after the project was undone."""
        found = Finding(
            service=ServiceName.DNS,
            drift=Drift.ORPHANED,
            project_id=project_id,
            thing=f"{stray.type} {stray.name} ({stray.id})",
            database="deleted with its cancelled project",
            vendor=_shown(stray),
            repair=self.repairs.delete_stray(zone, stray, project_id, Caution.ASKED),
        )
        return found.left_to(standing.busy) if standing.busy else found

    def _answered(self, row: ManagedRecord, standing: Standing, zone: Zone) -> Finding | None:
        record = zone.of(row)
        if standing.is_over:
            mend = self.repairs.delete(row) if record else self.repairs.forget(row)
            return finding_of(row, Drift.ORPHANED, record, mend)
        if record is None:
            return self._missing(row, zone)
        if record.equals(row.says()) and record.ttl == row.ttl:
            return None
        return finding_of(row, Drift.DIFFERENT, record, self.repairs.update(row))

    def _unanswered(self, row: ManagedRecord, standing: Standing, zone: Zone) -> Finding | None:
        left = self.grace - (datetime.now(UTC) - row.intended_at).total_seconds()
        if left > 0:
            waits = finding_of(row, Drift.UNANSWERED, zone.equal(row))
            return waits.left_to(f"its create may still be under way for {left:.0f} s")
        if (equal := zone.equal(row)) is not None:
            return finding_of(row, Drift.UNANSWERED, equal, self.repairs.adopt(row, equal, Caution.CERTAIN))
        if standing.is_over:
            return finding_of(row, Drift.UNANSWERED, None, self.repairs.forget(row))
        return None if standing.busy else self._missing(row, zone)

    def _missing(self, row: ManagedRecord, zone: Zone) -> Finding:
        if not zone.is_there:
            return finding_of(
                row, Drift.MISSING, None, advice=f"the account has no zone {zone.name}: create it at INWX"
            )
        if (equal := zone.equal(row)) is not None:
            return finding_of(row, Drift.DIFFERENT, equal, self.repairs.adopt(row, equal, Caution.ASKED))
        if beside := zone.beside(row):
            return finding_of(row, Drift.MISSING, None, advice=f"first delete what stands there: {beside[0]}")
        return finding_of(row, Drift.MISSING, None, self.repairs.create(row))


def finding_of(
    row: AnyRecord, drift: Drift, record: InwxRecord | None, repair: Repair | None = None, *, advice: str = ""
) -> Finding:
    """The finding about a row, whose record at INWX is `record`."""
    number = f" ({row.record_id})" if row.record_id else ""
    return Finding(
        service=ServiceName.DNS,
        drift=drift,
        project_id=row.project_id,
        thing=f"{row.type} {row.name}{number}",
        database=f"{row.content}, TTL {row.ttl}"
        + ("" if row.record_id else f", intended {row.intended_at:%Y-%m-%d %H:%M:%S}"),
        vendor=_shown(record, row) if record else NOTHING,
        repair=repair,
        advice=advice,
    )


def _shown(record: InwxRecord, row: AnyRecord | None = None) -> str:
    """The record as INWX has it: what it is called too, where that is not what the row says."""
    shown = f"{record.content}, TTL {record.ttl}"
    if row is not None and (record.name, record.type) != (row.name, row.type):
        shown = f"{record.type} {record.name} {shown}"
    return shown if row is None or row.record_id == record.id else f"{shown} ({record.id})"
