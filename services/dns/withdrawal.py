"""A transfer that is not wanted any more: given up where it is under way, and what it has made is removed."""

from dataclasses import dataclass

from services.dns.inwx import Inwx
from services.dns.models import ManagedRecord
from services.dns.paid_order import undecided_for
from services.dns.records import unanswered_for, undo
from services.dns.registrar import Registrar
from services.dns.transfer import SENT, waits_for_registry
from shared.host_claims import own_hosts
from shared.models import AddedDomain, DomainTransfer, ProjectDomain, TransferWithdrawal
from shared.outcome import Done, Outcome
from shared.step import Step
from shared.writes import Delete


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawTransfer:
    """Undo it. Everything is safe to repeat."""

    inwx: Inwx
    registrar: Registrar
    inwx_grace: float

    async def __call__(self, row: DomainTransfer, step: Step) -> Outcome | None:
        """Return how it ended or why it must wait; None if it is wanted, or the domain has come: then it goes its way.

        The zone, the records and the names stay if the project was given the domain in another way meanwhile.
        """
        if not any(each.domain == row.domain for each in await step.rows(TransferWithdrawal)):
            return None
        hosts = own_hosts(row.domain)
        records = [each for each in await step.rows(ManagedRecord) if each.name in hosts]
        if (wait := max(undecided_for(row, self.inwx_grace), unanswered_for(records, self.inwx_grace))) > 0:
            return waits_for_registry(row, f"INWX has not answered about {row.domain} yet.", look_again=wait)
        if row.stage in SENT:
            found = await self.registrar.find(row.domain)
            if found is not None and found.is_coming:
                await step.record()
                await self.registrar.cancel_transfer(row.domain)
                found = await self.registrar.find(row.domain)
            if found is not None and found.has_arrived:
                return None
            if found is not None and not found.has_failed:
                return waits_for_registry(row, f"The transfer of {row.domain} was withdrawn; INWX still shows it.")
        forgotten: list[Delete] = []
        if not await _is_added(row, step):
            await step.record()
            forgotten = await undo(self.inwx, records)
            if row.zone_made:
                await self.inwx.delete_zone(row.domain)
            names = [each for each in await step.rows(ProjectDomain) if each.is_coming and each.host in hosts]
            forgotten += [Delete(each) for each in names]
        return Done(
            message=f"The transfer of {row.domain} was withdrawn; the domain stays where it is.",
            writes=(*forgotten, Delete(row)),
        )


async def _is_added(row: DomainTransfer, step: Step) -> bool:
    added = [each for each in await step.rows(AddedDomain) if each.domain == row.domain]
    return any(each.is_wanted or each.pointed_at is not None for each in added)
