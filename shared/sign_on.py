"""Accounts of people whom a provider of OpenID Connect has signed in: made and kept up to date when they come."""

import re
from enum import StrEnum
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.models import NO_HASH, StaffAction, StaffActionKind, StaffRole, StaffUser
from shared.staff import begin_session

_NAME = re.compile(r"[a-z0-9._@-]{1,100}")


class Refusal(StrEnum):
    """Why somebody is not let in."""

    NO_ROLE = "no role"
    NO_NAME = "no name"
    NAME_TAKEN = "name taken"
    LOCKED = "locked"


class NotLetInError(Exception):
    """Somebody whom the provider knows may not sign in here."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


async def sign_in_as(database: Database, *, identity: str, name: str, role: StaffRole | None, via: str) -> str:
    """Return a new session's token. `identity` names a person for ever: the issuer and its subject.

    Who comes for the first time gets an account of that `name`; one that has a password here, or is somebody else's, is
    never taken over. The role is the one that they come with. `via` is the provider, for the audit log.

    Raises:
        NotLetInError: they have no role, no usable name, or their account is locked or disabled.

    """
    async with database.engine.begin() as connection:
        columns = (StaffUser.name, StaffUser.role, StaffUser.locked_until, StaffUser.disabled_at, func.now())
        found = await connection.execute(select(*columns).where(StaffUser.identity == identity).with_for_update())
        user = found.one_or_none()
        if user and (user.disabled_at is not None or (user.locked_until is not None and user.locked_until > user.now)):
            raise NotLetInError(Refusal.LOCKED)
        if role is None:
            raise NotLetInError(Refusal.NO_ROLE)
        if user is None:
            await _make(connection, identity, name, role, via)
        else:
            name = user.name
            if user.role is not role:
                await _done(connection, name, StaffActionKind.ROLE_CHANGED, via=via, role=role.value)
        mine = StaffUser.identity == identity
        await connection.execute(update(StaffUser).where(mine).values(role=role, signed_in_at=func.now()))
        await _done(connection, name, StaffActionKind.SIGNED_IN, via=via)
        return await begin_session(connection, name)


async def _make(connection: AsyncConnection, identity: str, name: str, role: StaffRole, via: str) -> None:
    if not _NAME.fullmatch(name):
        raise NotLetInError(Refusal.NO_NAME)
    if await connection.scalar(select(StaffUser.name).where(StaffUser.name == name)):
        raise NotLetInError(Refusal.NAME_TAKEN)
    row = {"name": name, "identity": identity, "role": role, "password_hash": NO_HASH, "created_by": via}
    await connection.execute(insert(StaffUser).values(row))
    await _done(connection, name, StaffActionKind.USER_MADE, via=via, role=role.value)


async def _done(connection: AsyncConnection, name: str, kind: StaffActionKind, **detail: Any) -> None:
    row = {"by": name, "kind": kind, "subject": name, "detail": detail}
    await connection.execute(insert(StaffAction).values(row))
