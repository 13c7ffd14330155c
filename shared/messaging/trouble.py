"""What a database error means for a group: repeat it, or split it."""

from asyncpg import InterfaceError, PostgresError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

REPEATED = ("08", "25", "40", "53", "55", "57", "58")
"""SQLSTATE classes that say nothing about our data: connection, transaction state, rollback (deadlock,
serialization), resources, lock not available, operator intervention, system error."""

DATABASE_ERRORS = (SQLAlchemyError, PostgresError, InterfaceError, OSError, TimeoutError)
"""All that the database layer raises."""


def is_data_error(error: BaseException) -> bool:
    """Whether the data themselves are refused, so that repeating the same group can't help."""
    if isinstance(error, PoolTimeoutError | OSError | TimeoutError):
        return False
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return False
        cause = getattr(error.orig, "__cause__", None) or error.orig
        state = getattr(error.orig, "sqlstate", None) or getattr(cause, "sqlstate", None)
        if state is not None:
            return not str(state).startswith(REPEATED)
        # asyncpg refuses a value before it is sent (DataError), or has lost its connection (InterfaceError)
        return (
            not isinstance(cause, OSError) and "closed" not in str(error.orig) and "connection" not in str(error.orig)
        )
    return isinstance(error, ValueError | TypeError)
