"""How a table in use is changed: a lock is waited for at most two seconds and held for moments, the rest locks nobody.

All of it runs in autocommit, and all of it can be done again: a migration that was killed goes on where it stopped.
"""

from collections.abc import Callable

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from migrations.adoption.catalogue import find_tables, may_silence_triggers, update_triggers

LOCK_TIMEOUT = "2s"
MOST_TRIES = 60
LONGEST_PAUSE = 5.0
BATCH_BLOCKS = 64
"""Half a megabyte of table: milliseconds."""

Tell = Callable[[str], None]

_PASSING = {"55P03", "40P01"}  # the lock was not to be had in time, or a deadlock ended

_HOLDERS = text("""
    SELECT string_agg(DISTINCT format('pid %s (%s)', a.pid, coalesce(nullif(a.application_name, ''), a.usename)), ', ')
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.relation = to_regclass(:table) AND l.granted AND a.pid <> pg_backend_pid()
""")

# Rows that somebody has locked are passed over: whoever holds a row and wants another never waits in a circle with us.
_FILL = text("""
    UPDATE projects p SET vrs_id = gen_random_uuid()
    FROM (SELECT ctid FROM projects
          WHERE ctid >= CAST(CAST(:first AS text) AS tid) AND ctid < CAST(CAST(:last AS text) AS tid) AND vrs_id IS NULL
          FOR NO KEY UPDATE SKIP LOCKED) batch
    WHERE p.ctid = batch.ctid
""")
_EMPTY = text("SELECT EXISTS (SELECT FROM projects WHERE vrs_id IS NULL)")
_BLOCKS = text("SELECT pg_relation_size('projects') / current_setting('block_size')::int + 1")
_VALID = text("SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = to_regclass(:name)")
_CONSTRAINT = text("""
    SELECT convalidated FROM pg_constraint WHERE conrelid = to_regclass(:table) AND conname = :name
""")


class BusyError(Exception):
    """Somebody holds a table or rows of it for minutes. What was done stays; the migration goes on when run again."""


def insistently(connection: Connection, table: str, statement: str, tell: Tell) -> None:
    """Run `statement`, which needs a lock on `table`, in tries that make nobody wait for longer than `LOCK_TIMEOUT`.

    Raises:
        BusyError: the lock was not to be had in `MOST_TRIES` tries.

    """
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    try:
        for tries in range(MOST_TRIES):
            try:
                connection.exec_driver_sql(statement)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _PASSING:
                    raise
            else:
                return
            holders = connection.scalar(_HOLDERS, {"table": table})
            tell(f"{table} is in use by {holders or 'somebody'}; trying again")
            _pause(connection, tries)
        raise BusyError(f"{table} is held by {holders or 'somebody'}: end that transaction, then run this again")
    finally:
        connection.execute(text("SET lock_timeout = DEFAULT"))


def fill_in_ids(connection: Connection, tell: Tell) -> None:
    """Give every project a `vrs_id`, a batch after the other, without firing the marketplace's triggers.

    Raises:
        BusyError: rows stay locked.

    """
    projects = find_tables(connection, ["projects"])["projects"]
    silenced = bool(update_triggers(connection, projects, enabled="O")) and may_silence_triggers(connection)
    if silenced:
        connection.execute(text("SET session_replication_role = replica"))
    try:
        for tries in range(MOST_TRIES):
            blocks = connection.scalar(_BLOCKS) or 0
            for first in range(0, blocks, BATCH_BLOCKS):
                connection.execute(_FILL, {"first": f"({first},0)", "last": f"({first + BATCH_BLOCKS},0)"})
            if not connection.scalar(_EMPTY):
                return
            tell("some projects are locked by somebody; trying again")
            _pause(connection, tries)
        raise BusyError("projects: rows stay locked; end the transactions that hold them, then run this again")
    finally:
        if silenced:
            connection.execute(text("SET session_replication_role = DEFAULT"))


def build_index(connection: Connection, name: str, definition: str, *, unique: bool = False) -> None:
    """Build an index while everybody goes on writing; one that a killed build has left is made anew."""
    valid = connection.scalar(_VALID, {"name": name})
    if valid:
        return
    if valid is False:
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {name}")
    connection.exec_driver_sql(f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {name} ON {definition}")


def add_check(connection: Connection, table: str, name: str, condition: str, tell: Tell) -> None:
    """Add a check constraint: known at once, held against the rows that are there without locking them."""
    validated = connection.scalar(_CONSTRAINT, {"table": table, "name": name})
    if validated is None:
        insistently(connection, table, f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID", tell)
    if not validated:
        insistently(connection, table, f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}", tell)


def has_constraint(connection: Connection, table: str, name: str) -> bool:
    """Whether `table` has a constraint of this name."""
    return connection.scalar(_CONSTRAINT, {"table": table, "name": name}) is not None


def _pause(connection: Connection, tries: int) -> None:
    connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": min(0.2 * 2**tries, LONGEST_PAUSE)})
