"""Keys for the order API: ``vrs_<public id>_<secret>``, shown once; the database keeps the SHA-256 of the secret.

A secret has 256 random bits, so a fast hash is enough: there is nothing to guess.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import RefusedError, UnknownError
from shared.models import ApiKey, Scope

_WRITTEN = re.compile(r"vrs_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODYS = bytes(32)
USED = timedelta(minutes=1)
"""How exact `last_used_at` is: a key that is busy is not written at each request."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The key that a request came with."""

    public_id: str
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether the key has this scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key as people see it. Times are UTC."""

    public_id: str
    name: str
    scopes: list[Scope]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


async def create_key(
    connection: AsyncConnection, name: str, scopes: Sequence[Scope], *, by: str, lifetime: timedelta | None = None
) -> str:
    """Make a key and return it; nobody can read it again.

    Raises:
        RefusedError: another key has this name.

    """
    if await connection.scalar(select(ApiKey.public_id).where(ApiKey.name == name)):
        raise RefusedError(f"There is a key {name!r} already: choose another name, `vrs keys list` shows them")
    public_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    await connection.execute(
        insert(ApiKey).values(
            public_id=public_id,
            name=name,
            secret_hash=_hashed(secret),
            scopes=sorted(set(scopes)),
            created_by=by,
            expires_at=None if lifetime is None else func.now() + lifetime,
        )
    )
    return f"vrs_{public_id}_{secret}"


async def list_keys(connection: AsyncConnection) -> list[KeyLine]:
    """Read every key, the oldest first."""
    columns = [getattr(ApiKey, name) for name in KeyLine.__dataclass_fields__]
    return [KeyLine(*row) for row in await connection.execute(select(*columns).order_by(ApiKey.created_at))]


async def revoke_key(connection: AsyncConnection, name: str) -> bool:
    """End a key by its name or public id; False if it was revoked before.

    Raises:
        UnknownError: there is none.

    """
    named = or_(ApiKey.name == name, ApiKey.public_id == name)
    revoked = update(ApiKey).where(named, ApiKey.revoked_at.is_(None)).values(revoked_at=func.now())
    if (await connection.execute(revoked)).rowcount:
        return True
    if await connection.scalar(select(ApiKey.public_id).where(named)) is None:
        raise UnknownError(f"There is no key {name!r}; `vrs keys list` shows them")
    return False


async def find_caller(connection: AsyncConnection, key: str) -> Caller | None:
    """Find whose key it is; None if it is unknown, revoked or has expired. The secret is compared in constant time."""
    written = _WRITTEN.fullmatch(key)
    if written is None:
        return None
    found = await connection.execute(
        select(ApiKey.public_id, ApiKey.name, ApiKey.scopes, ApiKey.secret_hash, ApiKey.last_used_at, func.now()).where(
            ApiKey.public_id == written[1],
            ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
        )
    )
    row = found.one_or_none()
    if not hmac.compare_digest(row.secret_hash if row else _NOBODYS, _hashed(written[2])) or row is None:
        return None
    if row.last_used_at is None or row.now - row.last_used_at > USED:
        used = update(ApiKey).where(ApiKey.public_id == row.public_id).values(last_used_at=func.now())
        await connection.execute(used)
    return Caller(row.public_id, row.name, frozenset(row.scopes))


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
