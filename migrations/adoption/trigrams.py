"""The extension pg_trgm: PostgreSQL's own, and trusted, so whoever may create in the database may have it."""

from sqlalchemy import Connection, text

OURS = "made for provisioning"
"""The comment on an extension that goes when provisioning goes."""

_THERE = text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')")
_AVAILABLE = text("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')")
_MAY = text("SELECT has_database_privilege(current_database(), 'CREATE')")
_IS_OURS = text("SELECT obj_description(oid, 'pg_extension') = :ours FROM pg_extension WHERE extname = 'pg_trgm'")
_DROP = """
DO $$ BEGIN
    DROP EXTENSION pg_trgm;
EXCEPTION WHEN dependent_objects_still_exist THEN
    RAISE NOTICE 'pg_trgm stays: others use it';
END $$
"""


def missing_right(connection: Connection) -> str | None:
    """Why the extension cannot be had; None if it is there or can be made."""
    if connection.scalar(_THERE):
        return None
    if not connection.scalar(_AVAILABLE):
        return "the extension pg_trgm is not installed on the server"
    return None if connection.scalar(_MAY) else "no extension pg_trgm, and no CREATE on the database"


def create_extension(connection: Connection) -> None:
    """Make it unless it is there."""
    if not connection.scalar(_THERE):
        connection.exec_driver_sql("CREATE EXTENSION pg_trgm")
        connection.exec_driver_sql(f"COMMENT ON EXTENSION pg_trgm IS '{OURS}'")


def drop_extension(connection: Connection) -> None:
    """Take it away if we made it and nobody else uses it."""
    if connection.scalar(_IS_OURS, {"ours": OURS}):
        connection.exec_driver_sql(_DROP)
