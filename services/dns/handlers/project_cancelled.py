"""ProjectCancelled: our records and the mail go, the place and the names are free again."""

from dataclasses import dataclass

from contracts import DnsReleased, ProjectCancelled
from services.dns import registration, transfer
from services.dns.inwx import Inwx
from services.dns.mail.brevo import Brevo
from services.dns.mail.release import Mail
from services.dns.models import CustomerWait, ManagedRecord, Placement, RecordHolder
from services.dns.paid_order import undecided_for
from services.dns.records import unanswered_for, undo
from services.dns.registrar import Registrar
from services.dns.reservation import ReleasePlace
from shared.models import AddedDomain, DomainRegistration, DomainTransfer, ProjectDomain
from shared.outcome import Done, Later, Outcome
from shared.step import Step
from shared.writes import Delete

_REGISTRY = 30.0
"""Seconds between looks at a registry that has not decided yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDns:
    """Delete by id what was written down, then free the place and the names; fine if there is nothing."""

    inwx: Inwx
    registrar: Registrar
    brevo: Brevo | None
    inwx_grace: float

    async def __call__(self, cancelled: ProjectCancelled, step: Step) -> Outcome:
        """Wait until no create can be under way; from then on what is looked up stays true."""
        del cancelled  # what is to be undone is written down
        rows = await step.rows(ManagedRecord)
        domains = await step.rows(DomainRegistration)
        transfers = await step.rows(DomainTransfer)
        mail = await Mail.of(step)
        undecided = [undecided_for(row, self.inwx_grace) for row in domains]
        undecided += [undecided_for(row, self.inwx_grace) for row in transfers]
        if wait := max([unanswered_for(rows, self.inwx_grace), mail.undecided_for(self.inwx_grace), *undecided]):
            return Later(after=wait, message="A create was not answered; it is looked up when it must be over.")
        names = await step.rows(ProjectDomain)
        places = await step.rows(Placement)
        waits = await step.rows(CustomerWait)
        added = await step.rows(AddedDomain)
        if rows or domains or transfers or mail.domains:
            await step.record()
        kept = [await registration.give_up(self.registrar, self.inwx, row) for row in domains]
        kept += [await transfer.give_up(self.registrar, self.inwx, row) for row in transfers]
        if None in kept:
            return Later(after=_REGISTRY, message="The registry is still at the domain; it must answer first.")
        forgotten = await undo(self.inwx, rows)
        released, mail_forgotten = await mail.release(self.inwx, self.brevo)
        gone = tuple(row.says() for row in rows if row.holder is RecordHolder.INWX)
        return Done(
            message=f"DNS records deleted: {len(gone)}. The place and the names are free again."
            + "".join(f" {each}." for each in kept if each)
            + "".join(f" No mail is sent under {each.domain} any more." for each in released)
            if gone or places or names or domains or transfers
            else "There is nothing of dns to undo.",
            events=(
                DnsReleased(
                    fqdn=next((name.host for name in names if name.is_primary), None),
                    records=gone,
                    server=places[0].server.name if places else None,
                ),
                *released,
            ),
            writes=(
                *forgotten,
                *mail_forgotten,
                *(Delete(row) for row in (*names, *waits, *domains, *transfers, *added)),
                ReleasePlace(),
            ),
        )
