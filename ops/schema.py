"""The database's schema: migrations forward, back, and where it stands."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

import migrations

VERSION_TABLE = "vrs_alembic_version"


async def upgrade(engine: AsyncEngine, revision: str = "head") -> None:
    """Migrate up to `revision`, all in one transaction. Waits while another process does the same."""
    await _migrate(engine, revision, forward=True)


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    """Migrate back to `revision`; ``base`` is the empty database. What the dropped tables held is lost."""
    await _migrate(engine, revision, forward=False)


async def revision_of(engine: AsyncEngine) -> str | None:
    """The revision of the database, None if it was never migrated."""

    def read(connection: Connection) -> str | None:
        return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()

    async with engine.connect() as connection:
        return await connection.run_sync(read)


def newest_revision() -> str:
    """The revision that this program needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise FileNotFoundError("no migrations are installed")
    return head


async def _migrate(engine: AsyncEngine, revision: str, *, forward: bool) -> None:
    config = _config()

    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        (command.upgrade if forward else command.downgrade)(config, revision)

    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
