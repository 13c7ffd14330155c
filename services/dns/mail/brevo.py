"""Brevo's API v3, as far as we use it: sender domains.

Sources: developers.brevo.com/reference (create-domain, get-domain-configuration, authenticate-domain, delete-domain),
developers.brevo.com/docs/api-limits and /limit-headers, and the models of getbrevo/brevo-python. Errors are
``{"code": …, "message": …}``. New accounts get two DKIM records as CNAME (``dkim1Record``, ``dkim2Record``), which the
reference does not show; older ones get one as TXT (``dkim_record``).

A domain has its name for an id, so a create whose answer was lost is looked up by that. All other calls may be
repeated, and are, once, if the connection turns out to have been closed while nobody used it.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from contracts import MailRecord, MailRecordType
from shared.errors import PermanentError, TemporaryError
from shared.http import http_client

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
CLOSED = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
RESET = "x-sib-ratelimit-reset"
"""Seconds until the limit is over; there is no Retry-After. Most calls: 100 an hour (api-limits)."""

_SELECTOR = re.compile(r"([a-z0-9._-]+\._domainkey)\b")
_EXISTS = frozenset({"duplicate_parameter", "duplicate_request"})
_REMEDY = {
    401: "; check VRS_BREVO_API_KEY",
    403: "; give the key of VRS_BREVO_API_KEY the right to manage senders and domains, or allow our address in Brevo",
}


class BrevoRefusedError(PermanentError):
    """Brevo refuses, and will refuse again."""


class BrevoExistsError(BrevoRefusedError):
    """The domain is there already, in this account or in another one."""


class BrevoUnavailableError(TemporaryError):
    """Brevo did nothing and may do it later."""


class BrevoUnansweredError(TemporaryError):
    """The answer was lost: what was asked may or may not have been done, or may still be."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")
    type: str
    value: str
    host_name: str = ""
    status: bool = False


class SenderDomain(BaseModel):
    """A sender domain as ``GET /senders/domains/{domain}`` tells it."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    domain: str
    verified: bool
    authenticated: bool
    dns_records: dict[str, _Record | None] = {}

    @property
    def is_ready(self) -> bool:
        """Whether Brevo has seen its records and lets us send under it."""
        return self.verified and self.authenticated

    @property
    def unseen(self) -> list[str]:
        """Which of its records Brevo does not see."""
        return [name for name, record in self.dns_records.items() if record is not None and not record.status]

    @property
    def ownership(self) -> str:
        """The content of the TXT record at the domain itself.

        Raises:
            BrevoUnavailableError: Brevo has not said it (yet).

        """
        record = self.dns_records.get("brevo_code")
        if record is None or not record.value:
            raise BrevoUnavailableError(f"Brevo does not say how {self.domain} is verified", code="brevo_unreadable")
        return record.value

    def dkim(self, ttl: int) -> tuple[MailRecord, ...]:
        """The DKIM records. Brevo names them relative or absolute, with or without a trailing dot.

        Raises:
            BrevoUnavailableError: Brevo has not made the keys (yet).

        """
        found = []
        for key, record in sorted(self.dns_records.items()):
            if not key.startswith("dkim") or record is None:
                continue
            selector = _SELECTOR.search(record.host_name.lower())
            if selector is None or record.type not in ("TXT", "CNAME"):
                raise BrevoUnavailableError(f"Brevo tells {key} in a way nobody can read", code="brevo_unreadable")
            kind = MailRecordType(record.type)
            content = record.value.strip() if kind is MailRecordType.TXT else record.value.strip().lower().rstrip(".")
            found.append(MailRecord(name=f"{selector[1]}.{self.domain}", type=kind, content=content, ttl=ttl))
        if not found:
            raise BrevoUnavailableError(f"Brevo has no DKIM key for {self.domain} yet", code="brevo_unreadable")
        return tuple(found)


class Brevo:
    """The client. `http` has the base URL (with ``/v3``), the key as header ``api-key`` and the timeouts.

    Raises:
        BrevoRefusedError, BrevoUnavailableError or BrevoUnansweredError, from every method.

    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def find(self, domain: str) -> SenderDomain | None:
        """``GET /senders/domains/{domain}``; None if the account has no such domain."""
        answer = await self._send("GET", _path(domain), missing=True)
        if answer is None:
            return None
        try:
            return SenderDomain.model_validate_json(answer.content)
        except ValidationError as error:
            raise BrevoUnansweredError(
                f"Brevo answered GET {_path(domain)} with data that nobody can read", code="brevo_unreadable"
            ) from error

    async def create(self, domain: str) -> None:
        """``POST /senders/domains``. Its answer is not read: `find` tells the same.

        Raises:
            BrevoExistsError: it is there already, in this account or in another one.

        """
        await self._send("POST", "/senders/domains", json={"name": domain})

    async def verify(self, domain: str) -> SenderDomain | None:
        """``PUT …/authenticate``, which is refused while Brevo does not see the records; then as `find`."""
        try:
            await self._send("PUT", f"{_path(domain)}/authenticate", missing=True)
        except BrevoRefusedError as refused:
            if refused.code != "brevo_400":
                raise
        return await self.find(domain)

    async def delete(self, domain: str) -> None:
        """``DELETE /senders/domains/{domain}``; one that is gone is fine."""
        await self._send("DELETE", _path(domain), missing=True)

    async def count(self) -> int:
        """``GET /senders/domains``: how many there are."""
        answer = await self._send("GET", "/senders/domains")
        return len(answer.json().get("domains") or []) if answer else 0

    async def _send(self, method: str, path: str, *, missing: bool = False, **content: Any) -> httpx.Response | None:
        call = f"{method} {path}"
        try:
            try:
                response = await self._http.request(method, path, **content)
            except CLOSED:
                if method == "POST":
                    raise
                response = await self._http.request(method, path, **content)
        except NOT_SENT as error:
            raise BrevoUnavailableError(f"Brevo is not reached: {error!r}", code="brevo_unreachable") from error
        except httpx.HTTPError as error:
            raise BrevoUnansweredError(f"no answer to {call}: {error!r}", code="brevo_unanswered") from error
        if response.is_success:
            return response
        if missing and response.status_code == httpx.codes.NOT_FOUND:
            return None
        raise _error_of(response, call)


@asynccontextmanager
async def open_brevo(url: str, key: SecretStr | None, *, lease: float) -> AsyncIterator[Brevo | None]:
    """Give a client as long as the block runs; None without a key."""
    if key is None:
        yield None
        return
    headers = {"api-key": key.get_secret_value(), "Accept": "application/json"}
    async with http_client(url, vendor="brevo", headers=headers, lease=lease) as http:
        yield Brevo(http)


def _path(domain: str) -> str:
    return f"/senders/domains/{quote(domain, safe='')}"


def _error_of(response: httpx.Response, call: str) -> PermanentError | TemporaryError:
    status = response.status_code
    code, text = _told(response)
    message = f"Brevo answered {call} with {status} {code} {text}".rstrip() + _REMEDY.get(status, "")
    name = f"brevo_{status}"
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return BrevoUnavailableError(message, code=name, retry_after=_seconds(response))
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return BrevoUnansweredError(message, code=name)
    return (BrevoExistsError if code in _EXISTS else BrevoRefusedError)(message, code=name)


def _told(response: httpx.Response) -> tuple[str, str]:
    try:
        body = response.json()
    except ValueError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    return str(body.get("code", "")), str(body.get("message", ""))[:200]


def _seconds(response: httpx.Response) -> float | None:
    try:
        return float(response.headers.get(RESET) or response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
