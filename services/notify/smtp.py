"""The mail server: a few connections that are kept, and replies as errors (RFC 5321 section 4.2.1)."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Self
from urllib.parse import unquote, urlsplit

import aiosmtplib

from shared.crash_points import CrashPoint, reached
from shared.errors import PermanentError, TemporaryError
from shared.lease import DEFAULT_LEASE, require_lease, within_lease
from shared.metrics import vendor_call

COMMAND_TIMEOUT = 20.0
"""Seconds for each SMTP command: below a third of the default lease."""

CONNECTIONS = 4

_ADDRESS = re.compile(r"([^\s<>@:;,\"'])[^\s<>@:;,\"']*@([^\s<>@:;,\"']+)")


class SmtpUnreachableError(TemporaryError):
    """No session came about or it broke off: nothing is known about the mail."""


class MailDeferredError(TemporaryError):
    """A 4xx reply to this mail: greylisting, a full mailbox, a busy server."""


class MailRefusedError(PermanentError):
    """A 5xx reply to this mail: no repetition helps until the address or the server's rules are another."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in. A password never travels in the clear: with one, STARTTLS is required."""

    host: str
    port: int | None
    tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read ``smtp://user:password@host:port`` or ``smtps://…``, user and password URL-encoded."""
        parts = urlsplit(url)
        user, password = (None if text is None else unquote(text) for text in (parts.username, parts.password))
        return cls(parts.hostname or "", parts.port, parts.scheme == "smtps", user or None, password)

    def connection(self, greeting: str, *, lease: float = DEFAULT_LEASE) -> aiosmtplib.SMTP:
        """Return a connection that is not open yet; it says EHLO as `greeting`, and fits into a lease of `lease` s."""
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.tls,
            start_tls=True if self.user and not self.tls else None,
            local_hostname=greeting,
            timeout=within_lease(COMMAND_TIMEOUT, lease),
        )


class Smtp:
    """Sends mails over at most `CONNECTIONS` connections, each used again until it drops."""

    def __init__(self, server: MailServer, *, greeting: str, lease: float = DEFAULT_LEASE) -> None:
        self._server = server
        self._greeting = greeting
        self._lease = lease
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[aiosmtplib.SMTP] = []

    async def send(self, message: EmailMessage) -> None:
        """Hand in `message` for its one recipient. Returning means that the server answered 250.

        Raises:
            SmtpUnreachableError, MailDeferredError, MailRefusedError: no address in their messages is legible.
            StepVoidError: the running try has lost its lease.

        """
        async with self._session() as session:
            require_lease("the mail was sent")
            reached(CrashPoint.BEFORE_MAIL)
            try:
                with vendor_call("smtp"):
                    await session.send_message(message)
                reached(CrashPoint.MAIL_TAKEN)
            # The library's errors hold the address: they are not chained.
            except aiosmtplib.SMTPRecipientsRefused as error:
                raise _refused(error.recipients[0]) from None
            except aiosmtplib.SMTPResponseException as error:
                raise _refused(error) from None
            except aiosmtplib.SMTPNotSupported:
                raise MailRefusedError(
                    "the mail server takes ASCII addresses only (no SMTPUTF8)", code="smtp_no_smtputf8"
                ) from None
            except (aiosmtplib.SMTPException, OSError) as error:
                raise self._unreachable(error) from None

    async def check(self) -> str:
        """Connect, say EHLO, log in; return one line about it.

        Raises:
            SmtpUnreachableError: says what to do.

        """
        session = await self._opened()
        encrypted = session.get_transport_info("sslcontext") is not None
        with suppress(aiosmtplib.SMTPException):
            await session.quit()
        login = f"logged in as {self._server.user}" if self._server.user else "without login"
        return f"{self._server.host} answers, {'over TLS' if encrypted else 'without TLS'}, {login}"

    async def aclose(self) -> None:
        """Say goodbye on every connection."""
        while self._idle:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._idle.pop().quit()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiosmtplib.SMTP]:
        async with self._slots:
            session = await self._kept() or await self._opened()
            try:
                yield session
            except asyncio.CancelledError:
                session.close()  # the answer to what was broken off may still come
                raise
            finally:
                if session.is_connected:
                    self._idle.append(session)

    async def _kept(self) -> aiosmtplib.SMTP | None:
        while self._idle:
            session = self._idle.pop()
            try:
                # Without this a connection that has dropped would look like a mail whose 250 was lost.
                await session.rset()
            except (aiosmtplib.SMTPException, OSError):
                session.close()
            else:
                return session
        return None

    async def _opened(self) -> aiosmtplib.SMTP:
        session = self._server.connection(self._greeting, lease=self._lease)
        try:
            with vendor_call("smtp"):
                await session.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise self._unreachable(error) from None
        return session

    def _unreachable(self, error: Exception) -> SmtpUnreachableError:
        where = f"mail server {self._server.host} (VRS_SMTP_URL)"
        match error:
            case aiosmtplib.SMTPAuthenticationError(code=code):
                return SmtpUnreachableError(
                    f"{where} refuses user or password with {code}: correct them", code="smtp_login"
                )
            case aiosmtplib.SMTPResponseException(code=code):
                return SmtpUnreachableError(f"{where} answers {code} to the connection", code=_code(error))
            case TimeoutError():
                return SmtpUnreachableError(f"{where} does not answer in time", code="smtp_timeout")
            case _:
                return SmtpUnreachableError(f"{where}: {mask(str(error))}", code="smtp_unreachable")


def mask(text: str) -> str:
    """`text` with its mail addresses cut to first letter and domain: ``s…@example.org``."""
    return _ADDRESS.sub(r"\1…@\2", text)


def _refused(reply: aiosmtplib.SMTPResponseException) -> MailDeferredError | MailRefusedError:
    said = f"the mail server answers {reply.code}: {mask(' '.join(reply.message.split()))[:200]}"
    if reply.code < 500:  # noqa: PLR2004 - RFC 5321: from here on permanent
        return MailDeferredError(said, code=_code(reply))
    return MailRefusedError(f"{said}. Correct the address, then replay", code=_code(reply))


def _code(reply: aiosmtplib.SMTPResponseException) -> str:
    return f"smtp_{reply.code}" if reply.code > 0 else "smtp_malformed"
