"""The marketplace's tables: made where they are missing, given our columns where they exist.

On a database of the marketplace's each table is changed by one statement of its own, and a note is kept of what was
there before. What takes longer than a moment is done by 0005.

Revision: 0001
"""

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from migrations.adoption.catalogue import ADOPTED, FoundTable, find_tables, recorded
from migrations.adoption.plan import Extension, read_plan
from migrations.adoption.quiet import Tell, insistently
from migrations.adoption.tables import ENUMS, SHAPES, define

revision = "0001"
down_revision = None

KEYS: Mapping[str, TypeEngine[int]] = {"projects": sa.BigInteger(), "licenses": sa.BigInteger()}


def upgrade() -> None:
    plan = read_plan(op.get_bind())
    if not plan.extended:
        for enum in ENUMS:
            enum.create(op.get_bind())
        make(SHAPES, {})
        return
    tell = context.config.attributes["tell"]
    with op.get_context().autocommit_block():
        note(plan.extended)
        for enum in ENUMS:
            enum.create(op.get_bind(), checkfirst=True)
        for extension in plan.extended:
            extend(extension, tell)
        make(plan.made, find_tables(op.get_bind(), SHAPES), tell)


def note(extensions: tuple[Extension, ...]) -> None:
    """Write down, before the first change, what was there and what is going to be added. Not a second time."""
    connection = op.get_bind()
    if recorded(connection):
        return
    rows = ", ".join(
        f"('{each.table}', ARRAY[{', '.join(repr(column) for column in each.added)}]::text[])" for each in extensions
    )
    connection.exec_driver_sql(
        f"CREATE TABLE {ADOPTED} AS SELECT name, added, now() AS adopted_at FROM (VALUES {rows}) AS t (name, added)"  # noqa: S608 - names of ours
    )


def extend(extension: Extension, tell: Tell) -> None:
    """Add our columns. They are null and have no default that a row would have to be rewritten for."""
    changes = [f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in extension.added.items()]
    if extension.table == "projects":
        changes.append("ALTER COLUMN vrs_id SET DEFAULT gen_random_uuid()")
    if changes:
        insistently(op.get_bind(), extension.table, f"ALTER TABLE {extension.table} {', '.join(changes)}", tell)


def make(
    names: Mapping[str, object] | tuple[str, ...], found: Mapping[str, FoundTable], tell: Tell | None = None
) -> None:
    """Make the tables of these names. A foreign key to a table in use needs a lock on it, and cascades."""
    connection = op.get_bind()
    keys = dict(KEYS) | {name: _Named(found[name].columns["id"].type) for name in KEYS if name in found}
    for table in define(keys, names):
        statement = str(CreateTable(table, if_not_exists=True).compile(connection))
        if tell:
            insistently(connection, "projects", statement, tell)
        else:
            op.execute(statement)
        for index in table.indexes:
            op.execute(CreateIndex(index, if_not_exists=True))


def downgrade() -> None:
    adopted = recorded(op.get_bind())
    if not adopted:
        for table in reversed(SHAPES):
            op.drop_table(table)
        for enum in ENUMS:
            enum.drop(op.get_bind())
        return
    tell = context.config.attributes["tell"]
    with op.get_context().autocommit_block():
        for table in reversed(SHAPES):
            if table not in adopted:
                insistently(op.get_bind(), "projects", f"DROP TABLE IF EXISTS {table}", tell)
            elif adopted[table]:
                changes = ", ".join(f"DROP COLUMN IF EXISTS {column}" for column in adopted[table])
                insistently(op.get_bind(), table, f"ALTER TABLE {table} {changes}", tell)
        for enum in ENUMS:
            enum.drop(op.get_bind(), checkfirst=True)
        op.drop_table(ADOPTED)


class _Named(sa.types.UserDefinedType[int]):
    """A type by the name that PostgreSQL gives it: that of a key of the marketplace's."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: object) -> str:
        return self.name
