"""Repairs of single records. Each holds the project, and looks once more at the rows before it calls INWX."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Text, and_, cast, exists, or_, select

from contracts import ServiceName
from services.dns.inwx import Inwx, InwxRecord
from services.dns.models import ManagedRecord
from shared.database import Database
from shared.models import ProjectDomain
from shared.reconcile.finding import Action, Caution, Repair, RepairRefusedError
from shared.reconcile.hold import Held, hold
from shared.writes import Delete, Upsert


@dataclass(frozen=True, slots=True)
class RecordRepairs:
    """Makes the repairs; nothing is done before they are run."""

    inwx: Inwx
    database: Database

    def create(self, row: ManagedRecord) -> Repair:
        """Make the record again. The intent stands before the call, as in a step."""
        return Repair(Action.CREATE, f"create {row.says_so}", Caution.ASKED, partial(self._create, row))

    def update(self, row: ManagedRecord) -> Repair:
        """Give the record the values that are written down."""
        return Repair(Action.UPDATE, f"change it to {row.says_so}", Caution.ASKED, partial(self._update, row))

    def delete(self, row: ManagedRecord) -> Repair:
        """Delete the record by its id, and the row."""
        return Repair(Action.DELETE, f"delete record {row.record_id}", Caution.ASKED, partial(self._delete, row))

    def delete_stray(self, zone: str, stray: InwxRecord, project_id: UUID, caution: Caution) -> Repair:
        """Delete a record that is not written down, unless it is by then."""
        return Repair(
            Action.DELETE,
            f"delete record {stray.id}",
            caution,
            partial(self._delete_stray, zone, stray, project_id),
        )

    def adopt(self, row: ManagedRecord, record: InwxRecord, caution: Caution) -> Repair:
        """Write down the id of the record that answers the row."""
        return Repair(Action.ADOPT, f"write down id {record.id}", caution, partial(self._adopt, row, record))

    def forget(self, row: ManagedRecord) -> Repair:
        """Delete the row of a cancelled project: there is no such record."""
        return Repair(Action.FORGET, "delete the row", Caution.CERTAIN, partial(self._forget, row))

    async def _create(self, row: ManagedRecord) -> str:
        intent = _changed(row, record_id=None, intended_at=datetime.now(UTC), seen_at=None)
        async with self._hold(row) as held:
            await held.require(row)
            await held.write(Upsert(intent))
        async with self._hold(row) as held:
            await held.require(intent)
            record_id = await self.inwx.create_record(_zone(row), row.says())
            await held.write(Upsert(_changed(intent, record_id=record_id, seen_at=datetime.now(UTC))))
            return await _told(held, f"created {row.says_so} again at INWX ({record_id})")

    async def _update(self, row: ManagedRecord) -> str:
        async with self._hold(row) as held:
            await held.require(row)
            await self.inwx.update_record(_zone(row), str(row.record_id), row.says())
            await held.write(Upsert(_changed(row, seen_at=datetime.now(UTC))))
            return await _told(held, f"set record {row.record_id} to {row.says_so} again at INWX")

    async def _delete(self, row: ManagedRecord) -> str:
        async with self._hold(row) as held:
            await held.require(row)
            await self.inwx.delete_record(_zone(row), str(row.record_id), name=row.name)
            await held.write(Delete(row))
            return await _told(
                held, f"deleted record {row.record_id} ({row.says_so}) at INWX: its project is cancelled"
            )

    async def _delete_stray(self, zone: str, stray: InwxRecord, project_id: UUID) -> str:
        equal = and_(
            ManagedRecord.name == stray.name,
            cast(ManagedRecord.type, Text) == stray.type,
            ManagedRecord.content == stray.content,
        )
        written = exists().where(or_(ManagedRecord.record_id == stray.id, equal))
        claimed = exists().where(ProjectDomain.host == stray.name, ProjectDomain.project_id != project_id)
        async with hold(self.database, ServiceName.DNS, project_id) as held:
            if await held.connection.scalar(select(or_(written, claimed))):
                raise RepairRefusedError("it is written down by now, or its name is another project's")
            await self.inwx.delete_record(zone, stray.id, name=stray.name)
            return await _told(held, f"deleted record {stray.id} ({stray}) at INWX: nothing needs it")

    async def _adopt(self, row: ManagedRecord, record: InwxRecord) -> str:
        async with self._hold(row, dead_too=True) as held:
            await held.require(row)
            taken = exists().where(ManagedRecord.record_id == record.id)
            if await held.connection.scalar(select(taken)):
                raise RepairRefusedError(f"record {record.id} is written down for another row")
            await held.write(Upsert(_changed(row, record_id=record.id, seen_at=datetime.now(UTC))))
            return await _told(held, f"wrote down record {record.id} ({row.says_so}), found at INWX")

    async def _forget(self, row: ManagedRecord) -> str:
        async with self._hold(row) as held:
            await held.require(row)
            await held.write(Delete(row))
            return await _told(held, f"forgot {row.says_so}: INWX does not have it, and its project is cancelled")

    def _hold(self, row: ManagedRecord, *, dead_too: bool = False) -> AbstractAsyncContextManager[Held]:
        return hold(self.database, ServiceName.DNS, row.project_id, dead_too=dead_too)


async def _told(held: Held, done: str) -> str:
    await held.tell(f"Reconciled: {done}.")
    return done


def _changed(row: ManagedRecord, **values: Any) -> ManagedRecord:
    known = {column.name: getattr(row, column.name) for column in ManagedRecord.__table__.columns}
    return ManagedRecord(**known | values)


def _zone(row: ManagedRecord) -> str:
    if row.zone is None:
        raise ValueError(f"{row.name} is held by the customer")
    return row.zone
