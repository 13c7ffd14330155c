"""Which project presents a token: vrs-core's bootstrap token first, then those that came with its manifests."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Cancellation, CoreToken


@dataclass(frozen=True, slots=True)
class Presented:
    """A token that is valid now, and the project that it belongs to."""

    project: UUID
    token: str = field(repr=False)
    expires_at: datetime
    now: datetime


def hashed(token: str) -> bytes:
    """All that is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def presented(connection: AsyncConnection, token: str) -> Presented | None:
    """Find whose token it is; None if it is unknown or has ended, or its project is cancelled."""
    found = await connection.execute(
        select(CoreToken.project_id, CoreToken.expires_at, func.now()).where(
            CoreToken.token_hash == hashed(token),
            CoreToken.expires_at > func.now(),
            ~exists().where(Cancellation.project_id == CoreToken.project_id),
        )
    )
    row = found.one_or_none()
    return None if row is None else Presented(row[0], token, row[1], row[2])


async def renew(connection: AsyncConnection, caller: Presented, lifetime: timedelta) -> str:
    """Return the token to present the next time: a new one, unless this one lasts for half of `lifetime` yet.

    The one that was presented stays valid: an answer that is lost on its way must not lock vrs-core out. Those of the
    project that have ended are forgotten.
    """
    if caller.expires_at - caller.now > lifetime / 2:
        return caller.token
    token = secrets.token_urlsafe(32)
    await connection.execute(
        delete(CoreToken).where(CoreToken.project_id == caller.project, CoreToken.expires_at <= func.now())
    )
    await connection.execute(
        insert(CoreToken).values(token_hash=hashed(token), project_id=caller.project, expires_at=caller.now + lifetime)
    )
    return token
