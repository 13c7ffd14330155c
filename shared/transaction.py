"""The kernel's transactions: its own statements go straight to asyncpg, a service's writes through SQLAlchemy.

A group of events costs half a dozen statements. Through SQLAlchemy each takes three times the CPU that it takes through
the driver alone, so the kernel's constant statements go that way, and only they.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database

_NAME = re.compile(r"(?<!:):([a-z_]+)")


class Statement:
    """SQL whose values have names (``:event_ids``), as asyncpg takes it (``$1``). Build it once, as a constant."""

    def __init__(self, sql: str) -> None:
        self.names = tuple(dict.fromkeys(_NAME.findall(sql)))
        self.sql = _NAME.sub(lambda name: f"${self.names.index(name[1]) + 1}", sql)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction with two faces: `rows` for constant statements, `connection` for whatever SQLAlchemy builds."""

    connection: AsyncConnection
    driver: Any

    async def rows(self, statement: Statement, **values: Any) -> list[Any]:
        """Run `statement`; return its rows, whose columns are read as ``row["name"]``.

        Raises:
            one of `shared.messaging.trouble.DATABASE_ERRORS`: as the driver raises them.

        """
        rows: list[Any] = await self.driver.fetch(statement.sql, *map(values.__getitem__, statement.names))
        return rows


@asynccontextmanager
async def begin(database: Database) -> AsyncIterator[Transaction]:
    """Commit when the block ends, roll back when it raises. SQLAlchemy takes no part in that, nor may the block."""
    async with database.plain.connect() as connection:
        driver = await _driver(connection)
        while driver.is_closed():  # PostgreSQL went away while it lay in the pool
            await connection.invalidate()
            driver = await _driver(connection)
        try:
            await driver.execute("BEGIN")
            yield Transaction(connection, driver)
            await driver.execute("COMMIT")
        except BaseException:
            await _roll_back(connection, driver)
            raise


async def _driver(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


async def _roll_back(connection: AsyncConnection, driver: Any) -> None:
    """Give the connection back clean, or not at all."""
    try:
        await driver.execute("ROLLBACK")
    except Exception:  # noqa: BLE001 - in the middle of a lost connection asyncpg raises anything; what failed is raised
        driver.terminate()
    if driver.is_closed():
        await connection.invalidate()
