"""HTTP clients for vendors: timeouts below a lease, and no request by a try that has lost its lease."""

import ssl
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import httpx

from shared.crash_points import CrashPoint, reached
from shared.lease import DEFAULT_LEASE, require_lease, within_lease
from shared.metrics import vendor_call

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 20.0
"""Seconds. A request (pool, connect, write, read) ends within a third of the default lease."""

TOLD_IN_FULL = frozenset({401, 403, 429})
"""Statuses that say something of us and not of what was asked for: not let in, or too often."""


SENDS = frozenset({"http11.send_request_headers.started", "http11.send_request_body.started"})
"""What httpcore says right before it writes to the socket (www.encode.io/httpcore/extensions, "trace")."""


async def _before(request: httpx.Request) -> None:
    """Look at the lease now, and again when a connection is there: a process may be frozen in between."""
    call = f"{request.method} {request.url.path}"
    require_lease(call)
    reached(CrashPoint.BEFORE_CALL)

    async def look_again(event: str, _: Mapping[str, Any]) -> None:
        if event in SENDS:
            require_lease(call)

    request.extensions["trace"] = look_again


async def _after(response: httpx.Response) -> None:  # noqa: ARG001 - httpx's signature
    reached(CrashPoint.AFTER_CALL)


@cache
def public_authorities() -> ssl.SSLContext:
    """Who is trusted everywhere: read once, for each reading is 25 ms of CPU and 1 MB."""
    return httpx.create_ssl_context()


CALL_HOOKS: Mapping[str, list[Callable[..., Any]]] = {"request": [_before], "response": [_after]}
"""Event hooks of every client that asks a vendor: only with a lease, and a crash point on either side."""


class CountedTransport(httpx.AsyncHTTPTransport):
    """Counts each request and times it to the answer's headers, under `vendor`; the outcome is the status's class."""

    def __init__(self, vendor: str, **options: Any) -> None:
        super().__init__(**options)
        self._vendor = vendor

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncHTTPTransport`."""
        with vendor_call(self._vendor) as outcome:
            response = await super().handle_async_request(request)
            status = response.status_code
            outcome.append(str(status) if status in TOLD_IN_FULL else f"{status // 100}xx")
            return response


def http_client(
    base_url: str = "",
    *,
    vendor: str | None = None,
    headers: dict[str, str] | None = None,
    read_timeout: float = READ_TIMEOUT,
    lease: float = DEFAULT_LEASE,
) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` whose requests raise `StepVoidError` once the running try's lease has ended.

    With a `vendor` they are counted as its calls, by HTTP status. A `lease` shorter than the default one shortens the
    timeouts.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(within_lease(CONNECT_TIMEOUT, lease), read=within_lease(read_timeout, lease)),
        event_hooks=CALL_HOOKS,
        verify=public_authorities(),
        transport=CountedTransport(vendor, verify=public_authorities()) if vendor else None,
    )
