"""What each migration changes must be nothing to the services of the release before: they run on beside it.

The rules of docs/reliability.md, held to the catalogue as PostgreSQL has it after each migration.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ops.schema import _config, upgrade
from shared.database import Database
from tests.conftest import open_at

FIRST = "0002"
"""Up to this one there was nothing that could run."""

_COLUMNS = """
    SELECT c.relname AS relation, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attnotnull AS required, d.adbin IS NOT NULL OR a.attidentity <> '' AS filled
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""
_VALUES = "SELECT t.typname AS type, e.enumlabel AS value FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid"
_RULES = """
    SELECT c.relname AS relation, i.relname AS name, pg_get_indexdef(i.oid) AS says
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    WHERE c.relnamespace = 'public'::regnamespace AND x.indisunique
    UNION ALL
    SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE c.relnamespace = 'public'::regnamespace AND k.contype IN ('c', 'f', 'x')
"""
_FUNCTIONS = "SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace"


@dataclass(frozen=True)
class Catalogue:
    """What services can see of the schema."""

    columns: dict[tuple[str, str], Any]
    values: set[tuple[str, str]]
    rules: dict[tuple[str, str], str]
    functions: set[str]

    @property
    def relations(self) -> set[str]:
        return {relation for relation, _ in self.columns}


async def catalogue(engine: AsyncEngine) -> Catalogue:
    async with engine.connect() as connection:

        async def rows(query: str) -> list[Any]:
            return list((await connection.execute(text(query))).all())

        return Catalogue(
            {(row.relation, row.name): row for row in await rows(_COLUMNS)},
            {(row.type, row.value) for row in await rows(_VALUES)},
            {(row.relation, row.name): row.says for row in await rows(_RULES)},
            {row.name for row in await rows(_FUNCTIONS)},
        )


def breaks(old: Catalogue, new: Catalogue) -> list[str]:
    """What a service that was written for `old` could stumble over in `new`."""
    found = [f"{table}.{name} is gone" for table, name in old.columns.keys() - new.columns.keys()]
    found += [f"{kind} has no {value!r} any more" for kind, value in old.values - new.values]
    found += [f"{name} is gone" for name in old.functions - new.functions]
    for key, column in new.columns.items():
        before, where = old.columns.get(key), ".".join(key)
        if before is None:
            if key[0] in old.relations and column.required and not column.filled:
                found.append(f"{where} is new, must be filled in, and has no default")
        elif before.type != column.type:
            found.append(f"{where} was {before.type} and is {column.type}")
        elif column.required and not before.required:
            found.append(f"{where} could be null")
        elif before.required and not column.required:
            found.append(f"{where} could not be null, which its readers rely on")
        elif before.filled and not column.filled:
            found.append(f"{where} had a default")
    found += [
        f"{table} has a new rule: {says}"
        for (table, name), says in new.rules.items()
        if table in old.relations and (table, name) not in old.rules and not _is_of_new_columns(says, table, old, new)
    ]
    return sorted(found)


def _is_of_new_columns(says: str, table: str, old: Catalogue, new: Catalogue) -> bool:
    """Whoever does not know the column cannot break a rule about it: it is null, or its default."""
    added = {name for relation, name in new.columns.keys() - old.columns.keys() if relation == table}
    return any(name in says for name in added)


async def test_no_migration_takes_or_asks_what_the_release_before_does_not_know(bare_database_url: str) -> None:
    revisions = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]
    database = open_at(bare_database_url)
    try:
        await upgrade(database.engine, FIRST)
        before, found = await catalogue(database.engine), {}
        for revision in revisions[revisions.index(FIRST) + 1 :]:
            await upgrade(database.engine, revision)
            after = await catalogue(database.engine)
            found[revision] = breaks(before, after)
            before = after
        assert {revision: broken for revision, broken in found.items() if broken} == {}
    finally:
        await database.engine.dispose()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER TABLE mails DROP COLUMN subject", "mails.subject is gone"),
        ("ALTER TABLE mails RENAME COLUMN subject TO title", "mails.subject is gone"),
        ("DROP TABLE mails", "mails.subject is gone"),
        ("ALTER TABLE mails ADD COLUMN size int NOT NULL", "mails.size is new, must be filled in"),
        ("ALTER TABLE open_steps ALTER COLUMN attempt TYPE bigint", "open_steps.attempt was integer and is bigint"),
        ("ALTER TABLE mails ALTER COLUMN sent_at SET NOT NULL", "mails.sent_at could be null"),
        ("ALTER TABLE mails ALTER COLUMN subject DROP NOT NULL", "mails.subject could not be null"),
        ("ALTER TABLE outbox ALTER COLUMN attempts DROP DEFAULT", "outbox.attempts had a default"),
        ("ALTER TABLE mails ADD CHECK (length(subject) < 9)", "mails has a new rule: CHECK"),
        ("CREATE UNIQUE INDEX ON mails (subject)", "mails has a new rule: CREATE UNIQUE"),
        ("ALTER TYPE step_state RENAME VALUE 'dead' TO 'buried'", "step_state has no 'dead' any more"),
        ("DROP FUNCTION vrs_forget", "vrs_forget(uuid,text,text) is gone"),
        ("ALTER TABLE mails ADD COLUMN size int NOT NULL DEFAULT 0 CHECK (size >= 0), ADD COLUMN note text", None),
        ("CREATE TABLE mail_notes (id int PRIMARY KEY)", None),
        ("CREATE INDEX ON mails (subject)", None),
    ],
)
async def test_what_a_migration_must_not_do_is_noticed(database: Database, change: str, told: str | None) -> None:
    before = await catalogue(database.engine)
    async with database.engine.begin() as connection:
        await connection.execute(text(change))
    found = breaks(before, await catalogue(database.engine))
    assert found == [] if told is None else any(line.startswith(told) for line in found)
