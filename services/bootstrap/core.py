"""vrs-core as a server's proxy shows it: ``GET /health`` at the server's address, under the project's host name.

vrs-core answers 200 when healthy or degraded, 503 while booting or failed, and Traefik 404 for a name it does not
know (yet). Any other answer is none of vrs-core's.
"""

import asyncio
import secrets
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from ipaddress import IPv4Address
from pathlib import Path

import httpx
from pydantic import ValidationError

from contracts.core import NONCE_HEADER, SIGNATURE_HEADER
from contracts.signatures import health_is_signed, public_key
from services.bootstrap.health import Certificate, Health
from shared.http import CALL_HOOKS, CountedTransport

LOOK_SECONDS = 5.0
"""For a whole look: thousands of cores may be booting at once."""

MOST_BYTES = 262_144
"""A health report of 100 plugins takes about 20 kB; a customer's container may send anything."""

CONVERGE_PATH = "/converge"
PROBE_PATH = "/any/page?of=them"
"""No page: what counts is where it leads."""

REPORTING = (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE)


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

    async def look(self, *, fqdn: str, ipv4: IPv4Address, key: str | None = None) -> Health | NoHealth:
        """Ask the server at `ipv4` for the health of `fqdn`, once, for at most `LOOK_SECONDS`.

        With the public `key` of the project's container, only what that container has signed now counts.
        """
        address = self._connect or str(ipv4)
        nonce = secrets.token_urlsafe(16)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                status, body, signature, certificate = await self._get(
                    f"https://{address}{self._health_path}", fqdn, nonce
                )
        except (httpx.HTTPError, TimeoutError) as error:
            return NoHealth(_silence(error, fqdn=fqdn, address=address))
        if status == HTTPStatus.NOT_FOUND:
            return NoHealth(f"the proxy at {address} answers 404: it does not know {fqdn}")
        if status not in REPORTING:
            return NoHealth(f"{fqdn} at {address} answers {status}")
        if len(body) > MOST_BYTES:
            return NoHealth(f"{fqdn} at {address} answers with more than {MOST_BYTES} bytes")
        if key is not None and not health_is_signed(public_key(key), nonce, body, signature):
            return NoHealth(f"{fqdn} at {address} answers, but not signed with this project's key: another container?")
        try:
            return Health.model_validate_json(body).model_copy(update={"certificate": certificate})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"])) or "body"
            return NoHealth(f"{fqdn} at {address} answers {status} without a health report: {field}: {first['msg']}")

    async def redirect(self, *, fqdn: str, ipv4: IPv4Address) -> str | None:
        """Where the server at `ipv4` sends whoever opens `PROBE_PATH` under `fqdn`, for good (308); None if nowhere."""
        address = self._connect or str(ipv4)
        headers = {"Host": fqdn, "Connection": "close"}
        with suppress(httpx.HTTPError, TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                response = await self._http.get(
                    f"https://{address}{PROBE_PATH}", headers=headers, extensions={"sni_hostname": fqdn}
                )
            if response.status_code == HTTPStatus.PERMANENT_REDIRECT:
                return str(response.headers.get("location", ""))
        return None

    async def certificate(self, *, fqdn: str, ipv4: IPv4Address) -> Certificate | NoHealth:
        """Look at the certificate alone that the server at `ipv4` shows for `fqdn`, whatever it answers."""
        address = self._connect or str(ipv4)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                *_, shown = await self._get(f"https://{address}{self._health_path}", fqdn, secrets.token_urlsafe(16))
        except (httpx.HTTPError, TimeoutError) as error:
            return NoHealth(_silence(error, fqdn=fqdn, address=address))
        return shown or NoHealth(f"{address} shows no certificate for {fqdn}")

    async def ask_to_converge(self, *, fqdn: str, ipv4: IPv4Address) -> None:
        """Ask vrs-core to read its manifest again, once; whether it did, `look` tells. Never raises for its silence."""
        address = self._connect or str(ipv4)
        headers = {"Host": fqdn, "Connection": "close"}
        with suppress(httpx.HTTPError):
            await self._http.post(
                f"https://{address}{CONVERGE_PATH}", headers=headers, extensions={"sni_hostname": fqdn}
            )

    async def _get(self, url: str, fqdn: str, nonce: str) -> tuple[int, bytes, str, Certificate | None]:
        # A kept connection was verified for the name it was opened with, and httpx would use it again for another
        # name behind the same address.
        headers = {"Host": fqdn, "Connection": "close", "Accept": "application/json", NONCE_HEADER: nonce}
        body = b""
        async with self._http.stream("GET", url, headers=headers, extensions={"sni_hostname": fqdn}) as response:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    break
            certificate = _certificate(response)
        return response.status_code, body, response.headers.get(SIGNATURE_HEADER, ""), certificate


def _certificate(response: httpx.Response) -> Certificate | None:
    """Read it from the connection, as long as that is open; None without TLS."""
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream else None
    shown = tls.getpeercert() if tls else None
    if not shown:
        return None
    issuer = dict(part for entry in shown.get("issuer", ()) for part in entry)
    began, ends = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown[name])), UTC) for name in ("notBefore", "notAfter")
    )
    named = issuer.get("organizationName") or issuer.get("commonName") or "unknown"
    return Certificate(issuer=named, began_at=began, expires_at=ends)


def _silence(error: Exception, *, fqdn: str, address: str) -> str:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"{address} did not answer for {fqdn} within {LOOK_SECONDS:.0f} s"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{address} has no valid certificate for {fqdn} (yet): {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return f"{address} does not answer for {fqdn}: {error or type(error).__name__}"
