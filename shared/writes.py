"""Rows that a handler asks to have written, in batches of the same kind.

A `Write` knows how to put a batch of itself into the database, inside the transaction that holds the projects'
locks. `Upsert` and `Delete` of a model's row serve most; a service adds its own where a decision must be made under
a lock (dns: the choice of a server).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Protocol, Self
from uuid import UUID

from sqlalchemy import Delete as DeleteStatement
from sqlalchemy import bindparam, delete, inspect
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Table


class Write(Protocol):
    """One write of one project. Batches are applied in ascending `rank`: rows are locked in one order everywhere."""

    rank: ClassVar[int]

    @property
    def kind(self) -> object:
        """Writes of equal kind form one batch."""

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Write the batch of (project id, write); return one result for each, in order."""


class _RowWrite:
    """What `Upsert` and `Delete` share: a row of a model, named by its primary key."""

    def __init__(self, row: Table) -> None:
        self.row = row

    @property
    def kind(self) -> object:
        """One batch per table and set of columns."""
        return (type(self).__name__, type(self.row).__tablename__, *sorted(_values(self.row)))


class Upsert(_RowWrite):
    """Insert the row, or update it if its primary key is there. An unset column is null, or its server's default."""

    rank: ClassVar[int] = 50

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Write all rows of one table. Their results are None."""
        rows = [_values(write.row) for _, write in batch]
        await connection.execute(_upsert(type(batch[0][1].row), tuple(rows[0])), rows)
        return [None] * len(batch)


class Delete(_RowWrite):
    """Delete the row with this primary key. Nothing happens if it is gone."""

    rank: ClassVar[int] = 60

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Delete all rows of one table. Their results are None."""
        model = type(batch[0][1].row)
        keys = [column.name for column in inspect(model).primary_key]
        rows = [_values(write.row) for _, write in batch]
        await connection.execute(_delete(model), [{f"key_{key}": row[key] for key in keys} for row in rows])
        return [None] * len(batch)


async def apply_all(connection: AsyncConnection, writes: Sequence[tuple[UUID, Write]]) -> list[Any]:
    """Apply writes batch by batch; return their results in the order given."""
    batches: dict[tuple[int, str], list[int]] = {}
    for position, (_, write) in enumerate(writes):
        batches.setdefault((write.rank, str(write.kind)), []).append(position)
    results: list[Any] = [None] * len(writes)
    for _, positions in sorted(batches.items()):
        batch = [writes[position] for position in positions]
        for position, result in zip(positions, await type(batch[0][1]).apply(connection, batch), strict=True):
            results[position] = result
    return results


def _values(row: Table) -> dict[str, Any]:
    columns = ((attribute.key, attribute.columns[0]) for attribute in inspect(type(row)).column_attrs)
    is_set = vars(row)
    return {
        column.name: getattr(row, key)
        for key, column in columns
        if key in is_set or (column.server_default is None and column.identity is None)
    }


@cache
def _upsert(model: type[Table], columns: tuple[str, ...]) -> Insert:
    statement = insert(model)
    keys = [column.name for column in inspect(model).primary_key]
    others = {column.name: column for column in statement.excluded if column.name in set(columns) - set(keys)}
    if not others:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=others)


@cache
def _delete(model: type[Table]) -> DeleteStatement:
    keys = inspect(model).primary_key
    return delete(model.__table__).where(*(column == bindparam(f"key_{column.name}") for column in keys))  # type: ignore[arg-type]  # a declarative class's __table__ is a Table
