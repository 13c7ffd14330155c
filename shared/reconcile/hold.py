"""Holds a project while something of it is repaired.

Nothing that a repair could collide with begins meanwhile: a try's `record`, the claim of a cancellation and of an
edited copy wait for the project's lock, and what is open already is seen under it. Any other event opens a step only
for a project of which its service has made nothing yet.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from asyncpg import PostgresError
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import ServiceName, uuid7
from shared.database import Database
from shared.errors import TemporaryError
from shared.messaging.clean import clean
from shared.messaging.settle import LogRow, Move, lock_projects, write_down
from shared.messaging.trouble import LOCK_TIMEOUT, sqlstate
from shared.models import LogStatus, Table
from shared.reconcile.finding import RepairRefusedError
from shared.reconcile.standing import Standing, standings
from shared.transaction import Transaction, begin
from shared.writes import Write, apply_all

MOST_SECONDS = 20.0
"""For which a project is held: a call or two. Whoever else wants its lock waits so long at most."""

Row = TypeVar("Row", bound=Table)


@dataclass(frozen=True, slots=True)
class Held:
    """A project whose lock is ours until the block ends, which commits."""

    transaction: Transaction
    service: ServiceName
    project_id: UUID
    standing: Standing

    @property
    def connection(self) -> AsyncConnection:
        """For statements that SQLAlchemy builds."""
        return self.transaction.connection

    async def require(self, row: Row) -> None:
        """Raise `RepairRefusedError` unless the table holds exactly `row`."""
        table = type(row).__table__
        keys = [column == getattr(row, column.name) for column in table.primary_key]
        found = (await self.connection.execute(select(table).where(*keys))).mappings().one_or_none()
        if found is None or any(found[column.name] != getattr(row, column.name) for column in table.columns):
            raise RepairRefusedError("its row has changed meanwhile, nothing was done")

    async def write(self, *writes: Write) -> None:
        """Apply writes of a service."""
        await apply_all(self.connection, [(self.project_id, write) for write in writes])

    async def tell(self, message: str, move: Move | None = None) -> None:
        """Put the repair into the project's story, and perhaps the project into another state."""
        row = LogRow(
            project_id=self.project_id,
            consumer=f"{self.service}.reconcile",
            step="reconcile",
            status=LogStatus.COMPLETED,
            attempt=1,
            event_id=uuid7(),
            causation_id=None,
            correlation_id=None,
            message=clean(message),
            detail={},
            emitted=None,
            started_at=datetime.now(UTC),
            duration_ms=0,
        )
        moves = [move] if move else []
        await write_down(self.transaction, service=self.service, logs=[row], moves=moves, messages=[], confirmed=[])


@asynccontextmanager
async def hold(
    database: Database, service: ServiceName, project_id: UUID, *, dead_too: bool = False
) -> AsyncIterator[Held]:
    """Lock the project inside the block and commit at its end; `dead_too`: also one whose step is dead.

    Raises:
        RepairRefusedError: somebody works on it.
        TemporaryError: the block took longer than `MOST_SECONDS`; whether its call had an effect is not known.

    """
    try:
        async with asyncio.timeout(MOST_SECONDS), begin(database) as transaction:
            await lock_projects(transaction, [project_id])
            standing = (await standings(transaction.connection, service, [project_id]))[project_id]
            if standing.is_worked_on if dead_too else standing.busy:
                raise RepairRefusedError(f"{standing.busy}, nothing was done")
            yield Held(transaction, service, project_id, standing)
    except TimeoutError as error:
        raise TemporaryError(f"not done within {MOST_SECONDS:.0f} s; look again", code="repair_timeout") from error
    except (DBAPIError, PostgresError) as error:
        if sqlstate(error) == LOCK_TIMEOUT:
            raise RepairRefusedError("somebody else holds the project, nothing was done") from error
        raise
