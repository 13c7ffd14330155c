"""A transfer that is not wanted any more: given up where it is under way, and what it has made is removed.

What else leads to the project stays: names that it was ordered with or given in another way are not claimed for the
transfer alone (`ProjectDomain.is_coming`), and a zone in which others have something is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from services.dns.inwx import Inwx
from services.dns.inwx_errors import InwxNotFoundError
from services.dns.models import ManagedMailRecord, ManagedRecord, RecordHolder
from services.dns.paid_order import undecided_for
from services.dns.records import leads, unanswered_for, undo
from services.dns.registrar import Registrar
from services.dns.transfer import SENT, waits_for_registry
from shared.host_claims import own_hosts
from shared.models import DomainTransfer, ProjectDomain, TransferWithdrawal
from shared.outcome import Done, Outcome
from shared.step import Step
from shared.writes import Delete, Upsert


@dataclass(frozen=True, slots=True)
class FreeComing:
    """A `Write`: gives up those of the hosts that are still claimed for a transfer alone."""

    hosts: tuple[str, ...]
    rank: ClassVar[int] = 60

    @property
    def kind(self) -> object:
        """One batch."""
        return "free_coming"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Delete the claims; there are no results."""
        for project_id, write in batch:
            of_project = ProjectDomain.project_id == project_id, ProjectDomain.host.in_(write.hosts)
            await connection.execute(delete(ProjectDomain).where(*of_project, ProjectDomain.is_coming))
        return [None] * len(batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawTransfer:
    """Undo it. Everything is safe to repeat."""

    inwx: Inwx
    registrar: Registrar
    inwx_grace: float

    async def __call__(self, row: DomainTransfer, step: Step) -> Outcome | None:
        """Return how it ended or why it must wait; None if it is wanted, or has come: it goes its way."""
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
        return await self._undone(row, records, step)

    async def _undone(self, row: DomainTransfer, records: Sequence[ManagedRecord], step: Step) -> Done:
        hosts = own_hosts(row.domain)
        coming = {each.host for each in await step.rows(ProjectDomain) if each.is_coming and each.host in hosts}
        await step.record()
        writes: list[Delete | Upsert] = [*await undo(self.inwx, [each for each in records if each.name in coming])]
        if row.zone_made and not await self._is_used(row, step):
            await self.inwx.delete_zone(row.domain)
            left = [each for each in records if each.name not in coming and each.zone == row.domain]
            writes += [Upsert(each.changed(holder=RecordHolder.CUSTOMER, zone=None, record_id=None)) for each in left]
        return Done(
            message=f"The transfer of {row.domain} was withdrawn; the domain stays where it is.",
            writes=(*writes, FreeComing(tuple(hosts)), Delete(row)),
        )

    async def _is_used(self, row: DomainTransfer, step: Step) -> bool:
        """Whether anything stands in the zone that is neither the project's under these names nor was copied."""
        if any(each.zone == row.domain for each in await step.rows(ManagedMailRecord)):
            return True
        try:
            found = await self.inwx.records(row.domain)
        except InwxNotFoundError:
            return False
        copied = {tuple(each.split(" ")[:2]) for each in map(str, row.kept_records)}
        others = [each for each in found if each.name not in own_hosts(row.domain)]
        return any(leads(each, row.domain) and (each.type, each.name) not in copied for each in others)
