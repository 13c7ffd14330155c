"""What an error means for a group: it passes and the group is repeated, or the data are to blame and it is split."""

import asyncio
import random
from typing import Any

from aiormq.exceptions import AuthenticationError, ChannelAccessRefused, ProbableAuthenticationError
from asyncpg import InterfaceError, InternalClientError, PostgresError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

DATABASE_ERRORS = (SQLAlchemyError, PostgresError, InterfaceError, InternalClientError, OSError, TimeoutError)
"""All that the database layer raises."""

LOCK_TIMEOUT = "55P03"

_OF_THE_DATA = ("22", "23")
"""SQLSTATE classes: data exception, integrity constraint violation. Every other class says something about the
environment (connection, rollback, resources, a missing column or grant, an operator) and not about our values."""

_NO_SUCH_USER = "import RabbitMQ's definitions: `vrs topology definitions --secrets secrets` (docs/access.md)"
_NO_RIGHT_AT_RABBITMQ = "if an upgrade left that out, `vrs topology grants` makes up for it (docs/access.md)"
_NO_RIGHT = "if an upgrade left that out, `vrs db grants` makes up for it (docs/access.md)"
_OLD_SCHEMA = "if an upgrade left that out, `vrs db upgrade` and `vrs db grants` make up for it (docs/access.md)"
_BY_SQLSTATE = {
    "42501": _NO_RIGHT,  # insufficient privilege
    **dict.fromkeys(("42P01", "42703", "42704", "42883"), _OLD_SCHEMA),  # undefined table, column, type, function
}


def passes(error: BaseException) -> bool:
    """Whether repeating the same group can help: the environment is to blame and not the values in it."""
    if isinstance(error, DBAPIError | PostgresError):
        state = sqlstate(error)
        return state is None or not state.startswith(_OF_THE_DATA)
    if isinstance(error, SQLAlchemyError):  # of them only a pool that is exhausted passes
        return "timeout" in type(error).__name__.lower()
    if isinstance(error, InterfaceError):
        return not isinstance(error, ValueError)  # a value that asyncpg cannot even send
    return isinstance(error, OSError | TimeoutError | InternalClientError)  # the last: the connection broke midway


def lasts(error: BaseException) -> bool:
    """Whether waiting does not help either: a right, a table or a column is missing, and somebody has to give it."""
    return (sqlstate(error) or "").startswith("42")


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five-letter code of an error, if it has one."""
    origin: Any = getattr(error, "orig", error)
    state = getattr(origin, "sqlstate", None)
    return str(state) if state else None


def reason_of(error: BaseException) -> str:
    """One line that says what happened, and what to do where a right or a table is missing.

    asyncio's errors have no text of their own: there it is their name.
    """
    said = (str(error) or type(error).__name__).partition("\n")[0]
    remedy = _remedy(error)
    return f"{said}; {remedy}" if remedy else said


def _remedy(error: BaseException) -> str | None:
    if isinstance(error, AuthenticationError | ProbableAuthenticationError):
        return _NO_SUCH_USER
    return _NO_RIGHT_AT_RABBITMQ if isinstance(error, ChannelAccessRefused) else _BY_SQLSTATE.get(sqlstate(error) or "")


class Pause:
    """Waits between tries: twice as long each time, with jitter, from `first` to `longest` seconds."""

    def __init__(self, first: float, longest: float) -> None:
        self.first = first
        self.longest = longest
        self.next = first

    def reset(self) -> None:
        """Begin anew: it has worked."""
        self.next = self.first

    async def wait(self) -> None:
        """Sleep as long as is due."""
        seconds, self.next = self.next, min(self.next * 2, self.longest)
        await asyncio.sleep(seconds * random.uniform(0.75, 1.0))  # noqa: S311 - jitter, no secret
