"""Runs the migrations over the connection that the caller opened and holds alone (`ops.schema`).

Each is a transaction of its own, but for what changes a table in use: that is a series of short ones.
"""

from alembic import context
from sqlalchemy import Connection

VERSION_TABLE = "vrs_alembic_version"
"""Our own, because the marketplace may keep its history in the same database."""


def run(connection: Connection) -> None:
    """Migrate to what the caller's command says."""
    context.configure(
        connection=connection, version_table=VERSION_TABLE, transactional_ddl=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
