"""What routes ask for: the database, the settings, and who calls with which scope."""

import math
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from services.marketplace.problems import Problem
from services.marketplace.settings import MarketplaceSettings
from shared.api_keys import Caller, find_caller
from shared.database import Database
from shared.models import Scope


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _settings(request: Request) -> MarketplaceSettings:
    settings: MarketplaceSettings = request.app.state.settings
    return settings


Db = Annotated[Database, Depends(_database)]
Configured = Annotated[MarketplaceSettings, Depends(_settings)]


class RateLimit:
    """So many requests a minute of each key, in this process."""

    def __init__(self, a_minute: int) -> None:
        self._item = RateLimitItemPerMinute(a_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def count(self, caller: Caller) -> None:
        """Count a request.

        Raises:
            Problem: 429, with the seconds after which one more is answered.

        """
        if await self._limiter.hit(self._item, caller.public_id):
            return
        stats = await self._limiter.get_window_stats(self._item, caller.public_id)
        after = max(1, math.ceil(stats.reset_time - time.time()))
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"key {caller.name!r} may ask {self._item.amount} times a minute",
            remedy=f"Try again in {after} seconds.",
            headers={"Retry-After": str(after)},
        )


_bearer = HTTPBearer(
    auto_error=False, scheme_name="ApiKey", bearerFormat="vrs_…", description="A key of `vrs keys create`"
)
_UNAUTHORIZED = {"WWW-Authenticate": "Bearer"}


async def _caller(
    request: Request, database: Db, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    found = None
    if credentials is not None:
        async with database.autocommit.begin() as connection:
            found = await find_caller(connection, credentials.credentials)
    if found is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "this needs a key that is known, not revoked and not expired",
            remedy="Send it as `Authorization: Bearer vrs_…`; `vrs keys create` makes one.",
            headers=_UNAUTHORIZED,
        )
    limit: RateLimit = request.app.state.rate_limit
    await limit.count(found)
    return found


def _may(scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    async def check(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if not caller.may(scope):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"key {caller.name!r} lacks the scope {scope.value}",
                remedy=f"Make one with `vrs keys create NAME --scope {scope.value}`.",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope.value}"'},
            )
        return caller

    return check


MayRead = Annotated[Caller, Depends(_may(Scope.PROJECTS_READ))]
MayOrder = Annotated[Caller, Depends(_may(Scope.PROJECTS_WRITE))]
MayPreview = Annotated[Caller, Depends(_may(Scope.PREVIEWS))]
MaySeeServers = Annotated[Caller, Depends(_may(Scope.SERVERS_READ))]
MayHook = Annotated[Caller, Depends(_may(Scope.WEBHOOKS))]
IsAdmin = Annotated[Caller, Depends(_may(Scope.ADMIN))]
