"""A record for mail beside what its zone holds: whether our part of it still stands."""

from datetime import UTC, datetime

from services.dns.drift import Zone, finding_of
from services.dns.inwx import InwxRecord
from services.dns.mail import dmarc, spf
from services.dns.mail.plan import DMARC, SPF
from services.dns.models import ManagedMailRecord
from shared.reconcile.finding import Drift, Finding
from shared.reconcile.standing import Standing


def of_mail_row(row: ManagedMailRecord, standing: Standing, zone: Zone, grace: float) -> Finding | None:
    """What is off about it; None if nothing is. Asking for the mail again mends it: others may have a part in it.

    One that somebody made anew is fine. `grace`: seconds after which an unanswered create cannot be under way any more.
    """
    there = zone.at(row.name, row.type)
    standing_ones = [record for record in there if _has_our_part(row, record)]
    known = next((record for record in there if record.id == row.record_id), None)
    if standing.is_lost or standing.is_over:
        advice = f"no project needs it: `vrs cancel {row.project_id}`"
        return finding_of(row, Drift.ORPHANED, known or next(iter(standing_ones), None), advice=advice)
    if standing_ones and row.record_id:
        return None
    drift = Drift.UNANSWERED if standing_ones else Drift.DIFFERENT if known else Drift.MISSING
    again = f"`vrs domains mail {row.project_id} {row.domain}` sets it again, with --mx if mail is taken there too"
    advice = again if zone.is_there else f"the account has no zone {zone.name}: create it at INWX"
    found = finding_of(row, drift, next(iter(standing_ones), known), advice=advice)
    left = 0.0 if row.record_id else grace - (datetime.now(UTC) - row.intended_at).total_seconds()
    if left > 0:
        return found.left_to(f"its create may still be under way for {left:.0f} s")
    return found.left_to(standing.busy) if standing.busy else found


def _has_our_part(row: ManagedMailRecord, record: InwxRecord) -> bool:
    if row.slot == SPF:
        return spf.is_spf(record.content) and spf.includes(record.content)
    if row.slot == DMARC:
        return dmarc.is_dmarc(record.content) and dmarc.merged(record.content) == record.content
    return record.equals(row.says())
