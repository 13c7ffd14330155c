"""What is left to do on tables in use, without making anybody wait: ids of old rows, checks, indexes.

Only where 0001 has found tables of the marketplace's: tables of our own have all of it from the start.

Revision: 0005
"""

from alembic import context, op
from sqlalchemy import text

from migrations.adoption.catalogue import recorded
from migrations.adoption.quiet import Tell, add_check, build_index, fill_in_ids, has_constraint, insistently
from migrations.adoption.tables import SHAPES

revision = "0005"
down_revision = "0004"

INDEXES = {
    "ix_projects_step_due_at": ("projects", "projects (step_due_at) WHERE step_due_at IS NOT NULL"),
    "ix_licenses_vrs_project": ("licenses", "licenses (project_id)"),
}
IN_FORCE = "licenses (project_id, plugin) WHERE vrs_state IN ('pending', 'active')"

_HAS_INDEX = text("""
    SELECT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                   WHERE i.indrelid = to_regclass('licenses') AND i.indpred IS NULL AND a.attname = 'project_id')
""")


def upgrade() -> None:
    adopted = recorded(op.get_bind())
    if not adopted:
        return
    tell: Tell = context.config.attributes["tell"]
    with op.get_context().autocommit_block():
        if "projects" in adopted:
            finish_ids(tell)
        build_indexes(adopted)
        for table in adopted:
            for check in SHAPES[table].checks:
                add_check(op.get_bind(), table, check.name, check.condition, tell)


def finish_ids(tell: Tell) -> None:
    """Give old projects their ids; then the column is unique and never null, as on a table of our own."""
    connection = op.get_bind()
    tell("filling in projects.vrs_id")
    fill_in_ids(connection, tell)
    if not has_constraint(connection, "projects", "uq_projects_vrs_id"):
        build_index(connection, "uq_projects_vrs_id", "projects (vrs_id)", unique=True)
        insistently(
            connection,
            "projects",
            "ALTER TABLE projects ADD CONSTRAINT uq_projects_vrs_id UNIQUE USING INDEX uq_projects_vrs_id",
            tell,
        )
    # A check that is validated already spares SET NOT NULL its scan of the table under an exclusive lock.
    add_check(connection, "projects", "ck_projects_vrs_id_not_null", "vrs_id IS NOT NULL", tell)
    insistently(connection, "projects", "ALTER TABLE projects ALTER COLUMN vrs_id SET NOT NULL", tell)
    insistently(connection, "projects", "ALTER TABLE projects DROP CONSTRAINT ck_projects_vrs_id_not_null", tell)


def build_indexes(adopted: dict[str, list[str]]) -> None:
    connection = op.get_bind()
    if "licenses" in adopted:
        build_index(connection, "uq_licenses_in_force", IN_FORCE, unique=True)
    for name, (table, definition) in INDEXES.items():
        if table in adopted and not (table == "licenses" and connection.scalar(_HAS_INDEX)):
            build_index(connection, name, definition)


def downgrade() -> None:
    adopted = recorded(op.get_bind())
    if not adopted:
        return
    tell: Tell = context.config.attributes["tell"]
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        for name in ("uq_licenses_in_force", *INDEXES):
            if table_of(name) in adopted:
                connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        for table in adopted:
            changes = [f"DROP CONSTRAINT IF EXISTS {check.name}" for check in SHAPES[table].checks]
            if table == "projects":
                changes += ["DROP CONSTRAINT IF EXISTS uq_projects_vrs_id", "ALTER COLUMN vrs_id DROP NOT NULL"]
            if changes:
                insistently(connection, table, f"ALTER TABLE {table} {', '.join(changes)}", tell)


def table_of(index: str) -> str:
    return INDEXES[index][0] if index in INDEXES else "licenses"
