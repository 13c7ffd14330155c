"""vrs-core as a server's proxy shows it: ``GET /health`` at the server's address, under the project's host name.

vrs-core answers 200 when healthy or degraded, 503 while booting or failed, and Traefik 404 for a name it does not
know (yet). Any other answer is none of vrs-core's.
"""

import asyncio
import ssl
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from ipaddress import IPv4Address
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from contracts import Plugin, Text
from shared.http import CALL_HOOKS, CountedTransport

LOOK_SECONDS = 5.0
"""For a whole look: thousands of cores may be booting at once."""

MOST_BYTES = 262_144
"""A health report of 100 plugins takes about 20 kB; a customer's container may send anything."""

REPORTING = (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE)


class CoreState(StrEnum):
    """vrs-core's own word on how it is."""

    BOOTING = "booting"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILED = "failed"


class PluginHealth(BaseModel):
    """A plugin as vrs-core has it; `installed` is its version, None if it is not there (yet)."""

    model_config = ConfigDict(frozen=True)

    name: Text
    installed: Text | None = None
    state: Text
    error: str | None = None


class Health(BaseModel):
    """The body of ``GET /health``."""

    model_config = ConfigDict(frozen=True)

    state: CoreState
    version: Text
    plugins: tuple[PluginHealth, ...] = ()

    def missing(self, ordered: tuple[Plugin, ...]) -> list[str]:
        """What is not there as ordered, one phrase for each plugin."""
        there = {plugin.name: plugin for plugin in self.plugins}
        return [
            f"{plugin.name} {plugin.version} ({_instead(there.get(plugin.name))})"
            for plugin in ordered
            if plugin.name not in there or there[plugin.name].installed != plugin.version
        ]


@dataclass(frozen=True, slots=True)
class NoHealth:
    """Nobody answered as vrs-core. `reason` says what was there instead."""

    reason: str


def core_http(ca_file: Path | None = None) -> httpx.AsyncClient:
    """Return a client for `Core` that trusts the public authorities, and those in `ca_file`.

    It takes no proxy from the environment: what counts is what the server itself answers.

    Raises:
        ssl.SSLError: `ca_file` holds no PEM certificate.

    """
    trusted = httpx.create_ssl_context()
    if ca_file is not None:
        trusted.load_verify_locations(ca_file)
    return httpx.AsyncClient(
        trust_env=False,
        timeout=LOOK_SECONDS,
        event_hooks=CALL_HOOKS,
        transport=CountedTransport("vrs-core", verify=trusted),
    )


class Core:
    """Looks at customers' cores. `connect` (``host:port``) replaces the address of every server."""

    def __init__(self, http: httpx.AsyncClient, *, connect: str | None = None, health_path: str = "/health") -> None:
        self._http = http
        self._connect = connect
        self._health_path = health_path

    async def look(self, *, fqdn: str, ipv4: IPv4Address) -> Health | NoHealth:
        """Ask the server at `ipv4` for the health of `fqdn`, once, for at most `LOOK_SECONDS`."""
        address = self._connect or str(ipv4)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                status, body = await self._get(f"https://{address}{self._health_path}", fqdn)
        except (httpx.HTTPError, TimeoutError) as error:
            return NoHealth(_silence(error, fqdn=fqdn, address=address))
        if status == HTTPStatus.NOT_FOUND:
            return NoHealth(f"the proxy at {address} answers 404: it does not know {fqdn}")
        if status not in REPORTING:
            return NoHealth(f"{fqdn} at {address} answers {status}")
        if len(body) > MOST_BYTES:
            return NoHealth(f"{fqdn} at {address} answers with more than {MOST_BYTES} bytes")
        try:
            return Health.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"])) or "body"
            return NoHealth(f"{fqdn} at {address} answers {status} without a health report: {field}: {first['msg']}")

    async def _get(self, url: str, fqdn: str) -> tuple[int, bytes]:
        # A kept connection was verified for the name it was opened with, and httpx would use it again for another
        # name behind the same address.
        headers = {"Host": fqdn, "Connection": "close", "Accept": "application/json"}
        body = b""
        async with self._http.stream("GET", url, headers=headers, extensions={"sni_hostname": fqdn}) as response:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    break
        return response.status_code, body


def _instead(plugin: PluginHealth | None) -> str:
    if plugin is None:
        return "vrs-core does not list it"
    found = f"is {plugin.state}, installed {plugin.installed or 'none'}"
    return f"{found}: {plugin.error[:200]}" if plugin.error else found


def _silence(error: Exception, *, fqdn: str, address: str) -> str:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"{address} did not answer for {fqdn} within {LOOK_SECONDS:.0f} s"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{address} has no valid certificate for {fqdn} (yet): {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return f"{address} does not answer for {fqdn}: {error or type(error).__name__}"
