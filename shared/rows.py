"""Reads a project's rows of any table that has a ``project_id``."""

from uuid import UUID

from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.database import Database
from shared.step import Row


async def rows_of(database: Database, model: type[Row], project_id: UUID) -> list[Row]:
    """Read a project's rows, oldest key first, on a connection of its own."""
    table = inspect(model)
    statement = select(model).where(table.columns["project_id"] == project_id).order_by(*table.primary_key)
    async with AsyncSession(database.autocommit, expire_on_commit=False) as session:
        return list((await session.scalars(statement)).all())
