"""Which project presents a token: vrs-core's bootstrap token first, then those that came with its manifests."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, delete, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Cancellation
from shared.models.plugins import CoreToken

_PROJECT = select(CoreToken.project_id).where(
    CoreToken.token_hash == bindparam("hash"),
    CoreToken.expires_at > func.now(),
    ~exists().where(Cancellation.project_id == CoreToken.project_id),
)
_KEEP = insert(CoreToken)
_FORGET = delete(CoreToken).where(CoreToken.project_id == bindparam("project"), CoreToken.expires_at <= func.now())


def hashed(token: str) -> bytes:
    """All that is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def project_of(connection: AsyncConnection, token: str) -> UUID | None:
    """The project that `token` belongs to; None if it is unknown or has ended, or the project is cancelled."""
    project: UUID | None = await connection.scalar(_PROJECT, {"hash": hashed(token)})
    return project


async def renew(connection: AsyncConnection, project: UUID, lifetime: timedelta) -> str:
    """Make a new token for `project` and forget those that have ended.

    The one that was presented stays valid: an answer that is lost on its way must not lock vrs-core out.
    """
    token = secrets.token_urlsafe(32)
    await connection.execute(_FORGET, {"project": project})
    await connection.execute(
        _KEEP, {"token_hash": hashed(token), "project_id": project, "expires_at": func.now() + lifetime}
    )
    return token
