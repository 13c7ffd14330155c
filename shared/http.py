"""HTTP clients for vendors: timeouts below a lease, and no request by a try that has lost its lease."""

import time
from contextvars import ContextVar
from dataclasses import dataclass

import httpx

from shared.errors import StepVoidError


@dataclass(slots=True)
class Lease:
    """How long the running try may act, in monotonic seconds. The kernel moves the end when it renews the lease."""

    ends: float


current_lease: ContextVar[Lease | None] = ContextVar("current_lease", default=None)
"""The running try's lease; None outside a step."""

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 20.0
"""Seconds. A request (pool, connect, write, read) ends within a third of the default lease of 120 s."""


def http_client(
    base_url: str = "", *, headers: dict[str, str] | None = None, read_timeout: float = READ_TIMEOUT
) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` whose requests raise `StepVoidError` once the running try's lease has ended."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(CONNECT_TIMEOUT, read=read_timeout),
        event_hooks={"request": [_only_with_lease]},
    )


def require_lease(before: str) -> None:
    """Call right before a vendor is asked to do something; `before` completes "the lease ended before …".

    Raises:
        StepVoidError: the running try may not act any more.

    """
    lease = current_lease.get()
    if lease is not None and time.monotonic() >= lease.ends:
        raise StepVoidError(f"the lease ended before {before}")


async def _only_with_lease(request: httpx.Request) -> None:
    require_lease(f"{request.method} {request.url.path}")
