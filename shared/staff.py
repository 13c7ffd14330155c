"""The people of the admin UI: accounts with argon2id passwords, signing in with a lock after failures, sessions."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.errors import RefusedError, UnknownError
from shared.models import (
    NO_HASH,
    DeadLetterNote,
    ProjectOwner,
    StaffAction,
    StaffActionKind,
    StaffRole,
    StaffSession,
    StaffUser,
)

MOST_FAILURES = 5
LOCKED = timedelta(minutes=15)
SESSION = timedelta(hours=12)
IDLE = timedelta(hours=2)
"""A session ends after so much time without a request, and after `SESSION` in any case."""

SHORTEST, LONGEST = 10, 200
"""Characters of a password."""

SEEN = timedelta(minutes=1)

_hasher = PasswordHasher()

_one_at_a_time = asyncio.Semaphore(1)
"""A hash costs 64 MB and a tenth of a second: guesses must not take a small container's memory."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is signed in, with a password of ours or not. `searches` are saved: objects with `name` and `query`."""

    name: str
    role: StaffRole
    has_password: bool
    searches: list[dict[str, Any]] = field(default_factory=list)

    def may(self, role: StaffRole) -> bool:
        """Whether this person may do what `role` may."""
        return self.role.includes(role)


@dataclass(frozen=True, slots=True)
class StaffLine:
    """An account as people see it. Times are UTC."""

    name: str
    role: StaffRole
    created_by: str
    created_at: datetime
    signed_in_at: datetime | None
    locked_until: datetime | None
    disabled_at: datetime | None


async def create_user(connection: AsyncConnection, name: str, password: str, role: StaffRole, *, by: str) -> None:
    """Make an account.

    Raises:
        RefusedError: the name is taken, or the password too short.

    """
    hashed = hash_of(name, password)
    if await connection.scalar(select(StaffUser.name).where(StaffUser.name == name)):
        raise RefusedError(f"There is a user {name!r} already: choose another name, `vrs users list` shows them")
    await connection.execute(insert(StaffUser).values(name=name, password_hash=hashed, role=role, created_by=by))


async def list_users(connection: AsyncConnection) -> list[StaffLine]:
    """Read every account by its name."""
    columns = [getattr(StaffUser, name) for name in StaffLine.__dataclass_fields__]
    return [StaffLine(*row) for row in await connection.execute(select(*columns).order_by(StaffUser.name))]


async def set_password(connection: AsyncConnection, name: str, password: str) -> None:
    """Give an account a new password: it is unlocked, may sign in again, and is signed out everywhere.

    Raises:
        UnknownError: there is no such account.
        RefusedError: the password is too short.

    """
    values = {"password_hash": hash_of(name, password), "failures": 0, "locked_until": None, "disabled_at": None}
    await _change(connection, name, values)


async def disable_user(connection: AsyncConnection, name: str) -> None:
    """Let an account sign in no more, and sign it out everywhere. A new password lets it in again.

    Raises:
        UnknownError: there is no such account.

    """
    await _change(connection, name, {"disabled_at": func.coalesce(StaffUser.disabled_at, func.now())})


async def remove_user(connection: AsyncConnection, name: str, *, by: str) -> None:
    """Remove an account with its sessions, saved searches and recorded sign-ins; the user is on nothing any more.

    What the user changed and noted stays under the name, for the audit log must say who did what; so does that `by`
    has removed the account.

    Raises:
        UnknownError: there is no such account.

    """
    removed = await connection.execute(delete(StaffUser).where(StaffUser.name == name))
    if not removed.rowcount:
        raise UnknownError(f"There is no user {name!r}; `vrs users list` shows them")
    signed_in = (StaffAction.by == name, StaffAction.kind == StaffActionKind.SIGNED_IN)
    await connection.execute(delete(StaffAction).where(*signed_in))
    await connection.execute(delete(ProjectOwner).where(ProjectOwner.owner == name))
    await connection.execute(update(DeadLetterNote).where(DeadLetterNote.owner == name).values(owner=None))
    done = {"by": by, "kind": StaffActionKind.USER_REMOVED, "subject": name}
    await connection.execute(insert(StaffAction).values(done))


async def sign_in(database: Database, name: str, password: str) -> str | None:
    """Return a new session's token; None if name and password are not those of an account that may sign in now.

    After `MOST_FAILURES` wrong passwords in a row an account is locked for `LOCKED`, for the right one as well. Whoever
    asks cannot tell which of it is so, nor from the time that it takes.
    """
    named = StaffUser.name == name.strip().lower()
    async with database.autocommit.begin() as connection:
        has_one = StaffUser.password_hash != NO_HASH  # of any other nobody's failures are counted
        hashed = await connection.scalar(select(StaffUser.password_hash).where(named, has_one))
    async with _one_at_a_time:
        is_right = await asyncio.to_thread(_verify, hashed or _nobodys(), password) and hashed is not None
    if hashed is None:
        return None
    async with database.engine.begin() as connection:
        columns = (StaffUser.name, StaffUser.failures, StaffUser.locked_until, StaffUser.disabled_at, func.now())
        user = (await connection.execute(select(*columns).where(named).with_for_update())).one()
        if user.disabled_at is not None or (user.locked_until is not None and user.locked_until > user.now):
            return None
        if not is_right:
            is_last = user.failures + 1 >= MOST_FAILURES
            failed = {"failures": 0, "locked_until": user.now + LOCKED} if is_last else {"failures": user.failures + 1}
            await connection.execute(update(StaffUser).where(named).values(failed))
            return None
        await connection.execute(
            update(StaffUser).where(named).values(failures=0, locked_until=None, signed_in_at=func.now())
        )
        token = await begin_session(connection, user.name)
        done = {"by": user.name, "kind": StaffActionKind.SIGNED_IN, "subject": user.name}
        await connection.execute(insert(StaffAction).values(done))
    return token


async def begin_session(connection: AsyncConnection, name: str) -> str:
    """Sign somebody in, in the caller's transaction; return the session's token."""
    await connection.execute(delete(StaffSession).where(StaffSession.expires_at < func.now()))
    token = secrets.token_urlsafe(32)
    row = {"token_hash": _digest(token), "user_name": name, "expires_at": func.now() + SESSION}
    await connection.execute(insert(StaffSession).values(row))
    return token


async def is_password(database: Database, name: str, password: str) -> bool:
    """Whether it is the password of somebody who is signed in."""
    async with database.autocommit.begin() as connection:
        hashed = await connection.scalar(select(StaffUser.password_hash).where(StaffUser.name == name))
    async with _one_at_a_time:
        return hashed is not None and await asyncio.to_thread(_verify, hashed, password)


async def sign_out(connection: AsyncConnection, token: str) -> None:
    """End a session. Ending it again does no harm."""
    await connection.execute(delete(StaffSession).where(StaffSession.token_hash == _digest(token)))


async def find_staff(connection: AsyncConnection, token: str) -> Staff | None:
    """Find who is signed in with a session's token; None if nobody is, any more."""
    found = await connection.execute(
        select(
            StaffUser.name,
            StaffUser.role,
            StaffUser.searches,
            (StaffUser.password_hash != NO_HASH).label("has_password"),
            StaffSession.seen_at,
            func.now(),
        )
        .join(StaffSession, StaffSession.user_name == StaffUser.name)
        .where(
            StaffSession.token_hash == _digest(token),
            StaffSession.expires_at > func.now(),
            StaffSession.seen_at > func.now() - IDLE,
            StaffUser.disabled_at.is_(None),
        )
    )
    row = found.one_or_none()
    if row is None:
        return None
    if row.now - row.seen_at > SEEN:
        seen = update(StaffSession).where(StaffSession.token_hash == _digest(token)).values(seen_at=func.now())
        await connection.execute(seen)
    return Staff(row.name, row.role, row.has_password, row.searches)


def hash_of(name: str, password: str) -> str:
    """Return what is kept of a password.

    Raises:
        RefusedError: it is too short or too long, or the name itself.

    """
    if not SHORTEST <= len(password) <= LONGEST or password.lower() == name.lower():
        raise RefusedError(f"A password has {SHORTEST} to {LONGEST} characters and is not the name: choose another one")
    return _hasher.hash(password)


async def _change(connection: AsyncConnection, name: str, values: dict[str, Any]) -> None:
    changed = await connection.execute(update(StaffUser).where(StaffUser.name == name).values(values))
    if not changed.rowcount:
        raise UnknownError(f"There is no user {name!r}; `vrs users list` shows them")
    await connection.execute(delete(StaffSession).where(StaffSession.user_name == name))


@cache
def _nobodys() -> str:
    """What is verified of a name that nobody has: that takes as long."""
    return _hasher.hash(secrets.token_urlsafe())


def _verify(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
