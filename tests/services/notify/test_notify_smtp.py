"""The mail server's client: connections that are kept, dropped and refused, and what each reply means."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from services.notify.post import mailbox
from services.notify.smtp import (
    CONNECTIONS,
    MailDeferredError,
    MailRefusedError,
    MailServer,
    Smtp,
    SmtpUnreachableError,
    mask,
)
from shared.errors import StepVoidError
from shared.lease import Lease, current_lease
from shared.metrics import REGISTRY
from simulators.core.certificates import Authority
from simulators.smtp import running_smtp


def mail(to: str = "anna@example.org") -> EmailMessage:
    message = EmailMessage()
    message["From"] = mailbox("VRS", "noreply@vrs.example")
    message["To"] = mailbox("Anna", to)
    message["Subject"] = "Fertig"
    message.set_content("Läuft.")
    return message


async def test_many_mails_share_few_connections(smtp: Smtp, sink: Any) -> None:
    await asyncio.gather(*(smtp.send(mail()) for _ in range(20)))
    assert len(await sink.mails()) == 20
    assert 1 <= len(smtp._idle) <= CONNECTIONS
    kept = set(smtp._idle)
    await smtp.send(mail())
    assert set(smtp._idle) == kept


async def test_a_dropped_connection_is_opened_again_and_no_mail_fails_for_it(unused_port: int) -> None:
    smtp = Smtp(MailServer.parse(f"smtp://127.0.0.1:{unused_port}"), greeting="vrs.example")
    async with running_smtp(port=unused_port):
        await smtp.send(mail())
    async with running_smtp(port=unused_port):
        await smtp.send(mail())
        await smtp.aclose()


async def test_a_mail_server_that_is_gone_is_unreachable(unused_port: int) -> None:
    smtp = Smtp(MailServer.parse(f"smtp://127.0.0.1:{unused_port}"), greeting="vrs.example")
    with pytest.raises(SmtpUnreachableError, match="VRS_SMTP_URL") as gone:
        await smtp.send(mail())
    assert gone.value.code == "smtp_unreachable"


@pytest.mark.parametrize("call", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    ("code", "expected"),
    [(421, MailDeferredError), (450, MailDeferredError), (452, MailDeferredError), (550, MailRefusedError)],
)
async def test_a_reply_says_whether_another_try_helps(
    smtp: Smtp, sink: Any, call: str, code: int, expected: Any
) -> None:
    await sink.breaks(call, "refused", code=code)
    with pytest.raises(expected) as refused:
        await smtp.send(mail())
    assert refused.value.code == f"smtp_{code}"
    await smtp.send(mail())
    assert len(await sink.mails()) == 1


async def test_a_lost_250_is_unreachable_and_the_next_mail_goes_through(smtp: Smtp, sink: Any) -> None:
    await sink.breaks("DATA", "lost_answer")
    with pytest.raises(SmtpUnreachableError):
        await smtp.send(mail())
    await smtp.send(mail())
    assert len(await sink.mails()) == 2


async def test_a_server_that_does_not_answer_in_time_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, smtp: Smtp, sink: Any
) -> None:
    monkeypatch.setattr("services.notify.smtp.COMMAND_TIMEOUT", 0.3)
    await sink.breaks("RCPT", "slow", seconds=3)
    with pytest.raises(SmtpUnreachableError) as late:
        await smtp.send(mail())
    assert late.value.code == "smtp_timeout"


async def test_a_mail_that_is_broken_off_takes_its_connection_with_it(smtp: Smtp, sink: Any) -> None:
    await smtp.send(mail())
    await sink.breaks("RCPT", "slow", seconds=3)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await smtp.send(mail())
    assert smtp._idle == []
    await smtp.send(mail())
    assert [each["to"] for each in await sink.mails()] == [["anna@example.org"]] * 2


async def test_nothing_is_sent_when_the_lease_has_ended(smtp: Smtp, sink: Any) -> None:
    token = current_lease.set(Lease(ends=time.monotonic() - 1))
    try:
        with pytest.raises(StepVoidError):
            await smtp.send(mail())
    finally:
        current_lease.reset(token)
    assert await sink.mails() == []


async def test_an_international_domain_needs_nothing_of_the_server(smtp: Smtp, sink: Any) -> None:
    await smtp.send(mail("anna@müller.example"))
    [arrived] = await sink.mails()
    assert arrived["to"] == ["anna@xn--mller-kva.example"]


class Account:
    """Lets demo/right in."""

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802 - aiosmtpd's name
        return "250 OK"

    def __call__(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=login == LoginPassword(b"demo", b"right"), handled=False)


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    account = Account()
    server = await loop.create_server(
        lambda: SMTP(account, authenticator=account, loop=loop, **options), "127.0.0.1", 0
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    return authority


def client(port: int, *, login: str = "demo:right") -> Smtp:
    return Smtp(MailServer.parse(f"smtp://{login}@localhost:{port}"), greeting="vrs.example")


async def test_the_check_logs_in_over_starttls(authority: Authority) -> None:
    async with serving(tls_context=authority.context_for("localhost")) as port:
        assert await client(port).check() == "localhost answers, over TLS, logged in as demo"


async def test_wrong_credentials_are_named_with_their_setting(authority: Authority) -> None:
    counted = {"vendor": "smtp", "outcome": "SMTPAuthenticationError"}
    before = REGISTRY.get_sample_value("vrs_vendor_call_seconds_count", counted)
    async with serving(tls_context=authority.context_for("localhost")) as port:
        with pytest.raises(SmtpUnreachableError, match=r"VRS_SMTP_URL.*refuses user or password") as refused:
            await client(port, login="demo:wrong").check()
    assert refused.value.code == "smtp_login"
    assert REGISTRY.get_sample_value("vrs_vendor_call_seconds_count", counted) == (before or 0) + 1
    assert "wrong" not in str(refused.value)


async def test_a_password_is_not_sent_in_the_clear() -> None:
    async with serving(auth_require_tls=False) as port:
        with pytest.raises(SmtpUnreachableError, match="STARTTLS"):
            await client(port).check()


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    async with serving(tls_context=Authority(tmp_path).context_for("localhost")) as port:
        with pytest.raises(SmtpUnreachableError, match="certificate"):
            await client(port).check()


async def test_the_check_of_a_server_without_login_says_so(smtp: Smtp) -> None:
    assert await smtp.check() == "127.0.0.1 answers, without TLS, without login"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("<anna.muster@example.org>: unknown", "<a…@example.org>: unknown"),
        ("a@b.example, c+d@e.example", "a…@b.example, c…@e.example"),
        ("no address", "no address"),
    ],
)
def test_an_address_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", MailServer("mail.example", None, tls=False)),
        (
            "smtps://me%40x:p%3Aw@mail.example:4650",
            MailServer("mail.example", 4650, tls=True, user="me@x", password="p:w"),
        ),
    ],
)
def test_a_url_is_read(url: str, expected: MailServer) -> None:
    assert MailServer.parse(url) == expected
    assert "p:w" not in repr(expected)


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
