"""One request to one endpoint, and what became of it."""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import httpcore

from services.marketplace.webhooks.guard import ForbiddenAddressError, GuardedBackend, Network

TIMEOUT = 15.0
"""Seconds for all of it: looked up, connected, sent, answered."""

AT_ONCE = 64
LONGEST_PROBLEM = 300

_PARTS = {"connect": 5.0, "read": TIMEOUT, "write": TIMEOUT, "pool": TIMEOUT}
_HEADERS = {"Content-Type": "application/cloudevents+json", "User-Agent": "VRS-Webhooks/1"}
_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request led to. `status` is None without an answer; `problem` is None if it went well.

    `retry_after` is in seconds, as the endpoint asks for; `gone`: it wants nothing any more (410).
    """

    status: int | None
    problem: str | None
    ms: int
    retry_after: float | None = None

    @property
    def gone(self) -> bool:
        """Whether the endpoint says that it is no more."""
        return self.status == HTTPStatus.GONE


class WebhookClient:
    """Posts to endpoints: no redirects, no proxies, no cookies, no address that is not public or in `networks`."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = networks
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            network_backend=GuardedBackend(networks),
            max_connections=AT_ONCE,
            keepalive_expiry=30.0,
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post `body`; whatever happens is an answer. Its body is not read."""
        began = time.monotonic()
        status, problem, retry_after = None, None, None
        if urlsplit(url).scheme != "https" and not self._networks:
            return Answer(None, "only https is sent to", 0)
        sent = [(name.encode(), value.encode()) for name, value in (*_HEADERS.items(), *headers.items())]
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._pool.stream(
                    "POST", url, headers=[*sent, (b"Host", _host(url))], content=body, extensions={"timeout": _PARTS}
                ) as response,
            ):
                status = response.status
                if status in _LATER:
                    retry_after = _seconds(dict(response.headers).get(b"retry-after", b""))
        except (TimeoutError, httpcore.TimeoutException):
            problem = f"no answer within {TIMEOUT:.0f} s"
        except (httpcore.NetworkError, httpcore.ProtocolError, ForbiddenAddressError, OSError) as error:
            problem = f"{str(error) or type(error).__name__}"[:LONGEST_PROBLEM]
        if status is not None:
            problem = None if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES else f"answered {status}"
        return Answer(status, problem, int((time.monotonic() - began) * 1000), retry_after)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


def _host(url: str) -> bytes:
    return urlsplit(url).netloc.encode()


def _seconds(written: bytes) -> float | None:
    return float(written) if written.isdigit() else None
