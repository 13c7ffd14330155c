"""Runs the migrations in one transaction over the connection that the caller opened (`ops.schema`)."""

from alembic import context
from sqlalchemy import Connection, text

VERSION_TABLE = "vrs_alembic_version"
"""Our own, because the marketplace may keep its history in the same database."""

LOCK = 0x7672735F64620001  # "vrs_db", 1: whoever comes second waits and then finds nothing to do


def run(connection: Connection) -> None:
    """Migrate under an advisory lock that ends with the transaction, so it also works behind a pooler."""
    context.configure(connection=connection, version_table=VERSION_TABLE, transactional_ddl=True)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        context.run_migrations()


run(context.config.attributes["connection"])
