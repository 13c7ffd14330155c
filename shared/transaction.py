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

KEPT = 2
"""Connections: one for claims, one for completions. To take one from the pool costs three times a statement's CPU."""

OTHERS = 3
"""Connections of a pool that nobody keeps."""

_NAME = re.compile(r"(?<!:):([a-z_]+)")


class Statement:
    """SQL whose values have names (``:event_ids``), as asyncpg takes it (``$1``). Build it once, as a constant.

    A value in a SELECT of its own is one that PostgreSQL does not look at while it plans. If no plan is cheaper for
    knowing the values, the first is kept; to plan takes longer than to carry out what a group of one asks for.
    """

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
    async with _connected(database) as transaction:
        driver = transaction.driver
        try:
            await driver.execute("BEGIN")
            yield transaction
            await driver.execute("COMMIT")
        except BaseException:
            await _roll_back(driver)
            raise


@asynccontextmanager
async def each_alone(database: Database) -> AsyncIterator[Transaction]:
    """Each statement of the block commits by itself, and two round trips are saved.

    Behind a pooler that changes servers with each transaction the block is one: there a statement alone takes two.
    """
    if database.autocommit is database.engine:
        async with begin(database) as transaction:
            yield transaction
        return
    async with _connected(database) as transaction:
        yield transaction


def keep(database: Database) -> None:
    """Have up to `KEPT` connections not given back to the pool after use; `OTHERS` at least stay for everybody else."""
    database.kept.most = max(0, min(KEPT, database.pool_size - OTHERS))


async def give_back(database: Database) -> None:
    """Give back what was kept, and keep nothing from now on."""
    database.kept.most = 0
    while database.kept.idle:
        await _close(database.kept.idle.pop())


@asynccontextmanager
async def _connected(database: Database) -> AsyncIterator[Transaction]:
    """A connection, given back clean or not at all: one that broke in the middle would fail whoever comes next."""
    kept = database.kept
    transaction = kept.idle.pop() if kept.idle else await _connect(database)
    while transaction.driver.is_closed():  # PostgreSQL went away while it lay here or in the pool
        await _close(transaction)
        transaction = await _connect(database)
    try:
        yield transaction
    except BaseException:
        await _close(transaction)
        raise
    wanted = database.engine.pool.checkedout() >= database.pool_size  # type: ignore[attr-defined]  # somebody may wait
    if len(kept.idle) < kept.most and not wanted and not transaction.connection.in_transaction():
        kept.idle.append(transaction)
    else:
        await _close(transaction)


async def _connect(database: Database) -> Transaction:
    connection = await database.plain.connect()
    try:
        return Transaction(connection, (await connection.get_raw_connection()).driver_connection)
    except BaseException:
        await connection.close()
        raise


async def _close(transaction: Transaction) -> None:
    if transaction.driver.is_closed():
        await transaction.connection.invalidate()
    await transaction.connection.close()


async def _roll_back(driver: Any) -> None:
    """In the middle of a lost connection asyncpg raises anything; a second cancellation must not leave it half done."""
    try:
        await driver.execute("ROLLBACK")
    except BaseException as error:
        driver.terminate()
        if not isinstance(error, Exception):
            raise
