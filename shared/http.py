"""HTTP clients for vendors: timeouts below a lease, and no request by a try that has lost its lease."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from shared.crash_points import CrashPoint, reached
from shared.lease import DEFAULT_LEASE, require_lease, within_lease

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 20.0
"""Seconds. A request (pool, connect, write, read) ends within a third of the default lease."""


async def _before(request: httpx.Request) -> None:
    require_lease(f"{request.method} {request.url.path}")
    reached(CrashPoint.BEFORE_CALL)


async def _after(response: httpx.Response) -> None:  # noqa: ARG001 - httpx's signature
    reached(CrashPoint.AFTER_CALL)


CALL_HOOKS: Mapping[str, list[Callable[..., Any]]] = {"request": [_before], "response": [_after]}
"""Event hooks of every client that asks a vendor: only with a lease, and a crash point on either side."""


def http_client(
    base_url: str = "",
    *,
    headers: dict[str, str] | None = None,
    read_timeout: float = READ_TIMEOUT,
    lease: float = DEFAULT_LEASE,
) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` whose requests raise `StepVoidError` once the running try's lease has ended.

    A `lease` shorter than the default one shortens its timeouts.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(within_lease(CONNECT_TIMEOUT, lease), read=within_lease(read_timeout, lease)),
        event_hooks=CALL_HOOKS,
    )
