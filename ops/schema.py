"""The database's schema: migrations forward, back, and where it stands."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

import migrations
from migrations.adoption.plan import CannotAdoptError, Plan, read_plan

VERSION_TABLE = "vrs_alembic_version"

LOCK = 0x7672735F64620001  # "vrs_db", 1
LOOK_EVERY = 0.5
"""Seconds. Whoever comes second asks again and again: waiting inside PostgreSQL it would hold up index builds."""

Tell = Callable[[str], None]


def silent(told: str) -> None:
    """Tell nobody."""
    del told


async def upgrade(engine: AsyncEngine, revision: str = "head", tell: Tell = silent) -> None:
    """Migrate up to `revision`; `tell` is called with what takes long. Waits while another process does the same.

    A database of the marketplace's is examined before anything is changed. Killed at any moment, it goes on where it
    stopped when it is called again. The connection must not go through a pooler in transaction mode.

    Raises:
        CannotAdoptError: the database has what we cannot live with; nothing was changed.
        BusyError: somebody holds a table for minutes.

    """
    async with _alone(engine, tell) as connection:
        if await connection.run_sync(_revision) is None:
            obstacles = (await connection.run_sync(read_plan)).obstacles
            await connection.commit()
            if obstacles:
                raise CannotAdoptError(obstacles)
        await connection.run_sync(_migrate, revision, tell, forward=True)


async def downgrade(engine: AsyncEngine, revision: str, tell: Tell = silent) -> None:
    """Migrate back to `revision`; ``base`` is before the first. What the dropped tables and columns held is lost.

    Raises:
        BusyError: somebody holds a table for minutes.

    """
    async with _alone(engine, tell) as connection:
        await connection.run_sync(_migrate, revision, tell, forward=False)
        if await connection.run_sync(_revision) is None:
            await connection.execute(text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))
        await connection.commit()


async def plan_of(engine: AsyncEngine) -> Plan | None:
    """What a first `upgrade` would do; None if the first migration is done. Changes nothing."""
    async with engine.connect() as connection:
        if await connection.run_sync(_revision) is not None:
            return None
        return await connection.run_sync(read_plan)


async def revision_of(engine: AsyncEngine) -> str | None:
    """The revision of the database, None if it was never migrated."""
    async with engine.connect() as connection:
        return await connection.run_sync(_revision)


def newest_revision() -> str:
    """The revision that this program needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise FileNotFoundError("no migrations are installed")
    return head


@asynccontextmanager
async def _alone(engine: AsyncEngine, tell: Tell) -> AsyncIterator[AsyncConnection]:
    """Give a connection as long as no other process migrates this database. A killed one's lock ends with it."""
    async with engine.connect() as connection:
        waits = False
        while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}):
            await connection.commit()
            if not waits:
                tell("another process is migrating this database; waiting for it")
            waits = True
            await asyncio.sleep(LOOK_EVERY)
        await connection.commit()
        try:
            yield connection
        finally:
            with suppress(DBAPIError, OSError):  # a lost connection has lost its lock
                await connection.rollback()
                await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
                await connection.commit()


def _revision(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    connection.commit()
    return revision


def _migrate(connection: Connection, revision: str, tell: Tell, *, forward: bool) -> None:
    config = _config()
    config.attributes |= {"connection": connection, "tell": tell}
    (command.upgrade if forward else command.downgrade)(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
