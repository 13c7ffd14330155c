"""HTTP clients for vendors: timeouts below a lease, and no request by a try that has lost its lease."""

import time
from contextvars import ContextVar

import httpx

from shared.errors import StepVoidError

lease_ends: ContextVar[float | None] = ContextVar("lease_ends", default=None)
"""Monotonic end of the running try's lease; None outside a step. Set by the kernel."""

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 20.0
"""Seconds. Together below a third of the default lease of 90 s: a request ends while its try may still act."""


def http_client(
    base_url: str = "", *, headers: dict[str, str] | None = None, read_timeout: float = READ_TIMEOUT
) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` whose requests raise `StepVoidError` once the running try's lease has ended."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(read_timeout, connect=CONNECT_TIMEOUT),
        event_hooks={"request": [_only_with_lease]},
    )


async def _only_with_lease(request: httpx.Request) -> None:
    end = lease_ends.get()
    if end is not None and time.monotonic() >= end:
        raise StepVoidError(f"the lease ended before {request.method} {request.url.path}")
