"""The migrated database is what the models say, forwards and backwards."""

import asyncio
import os
import sys

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Enum, text
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations.adoption.owned import OWN_TABLES, OWN_TYPES
from migrations.adoption.tables import SHAPES
from ops.schema import VERSION_TABLE, downgrade, newest_revision, revision_of, upgrade
from services.bootstrap import models as bootstrap
from services.deploy import models as deploy
from services.dns import models as dns
from services.notify import models as notify
from shared.database import Database
from shared.models import Table

assert bootstrap, deploy
assert dns
assert notify  # their tables join the metadata

CATALOGUE = """
SELECT 'column', table_name, column_name,
       concat_ws(' ', data_type, udt_name, is_nullable, column_default, is_identity, identity_generation)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'enum', enumtypid::regtype::text, enumlabel,
    (row_number() OVER (PARTITION BY enumtypid ORDER BY enumsortorder))::text FROM pg_enum
UNION ALL SELECT 'sequence', sequencename, '', data_type::text FROM pg_sequences WHERE schemaname = 'public'
"""


async def catalogue(engine: AsyncEngine) -> set[tuple[str, ...]]:
    async with engine.connect() as connection:
        rows = await connection.execute(text(CATALOGUE))
        return {tuple(row) for row in rows if row[1] != VERSION_TABLE}


async def test_migrated_database_is_what_the_models_create(database: Database) -> None:
    migrated = await catalogue(database.engine)
    await downgrade(database.engine, "base")
    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    assert migrated == await catalogue(database.engine)


async def test_alembic_finds_no_difference(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return list(compare_metadata(context, Table.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_downgrade_leaves_nothing_and_the_way_up_is_open_again(database: Database) -> None:
    before = await catalogue(database.engine)
    await downgrade(database.engine, "base")
    assert await catalogue(database.engine) == set()
    await upgrade(database.engine)
    assert await catalogue(database.engine) == before


async def test_several_containers_may_migrate_at_once(database_url: str, database: Database) -> None:
    await downgrade(database.engine, "base")
    environment = os.environ | {"VRS_DATABASE_URL": database_url}
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "ops", "db", "upgrade", env=environment)
        for _ in range(3)
    ]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    assert await revision_of(database.engine) == newest_revision()


def test_the_names_that_adoption_keeps_free_are_those_of_the_models() -> None:
    tables = {*Table.metadata.tables, *Table.metadata._sequences} - set(SHAPES)
    columns = [column for table in Table.metadata.sorted_tables for column in table.columns]
    types = [getattr(column.type, "item_type", column.type) for column in columns]
    enums = {kind.name for kind in types if isinstance(kind, Enum)}
    assert sorted(tables) == list(OWN_TABLES)
    assert sorted(str(enum) for enum in enums) == OWN_TYPES
