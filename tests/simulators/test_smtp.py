"""The SMTP sink takes mail as a mail server does, keeps it for readers, and fails when told to."""

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiosmtplib
import httpx
import pytest

from simulators.smtp import RunningSmtp, inbox, running_smtp


@pytest.fixture
async def smtp() -> AsyncIterator[RunningSmtp]:
    async with running_smtp() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def a_mail(**headers: str) -> EmailMessage:
    mail = EmailMessage()
    usual = {"From": "vrs@vrs.example", "To": "kundin@example.com", "Subject": "Fertig"}
    for name, value in (usual | headers).items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Ihr Projekt läuft.")
    mail.add_alternative("<p>Ihr Projekt läuft.</p>", subtype="html")
    return mail


async def send(smtp: RunningSmtp, mail: EmailMessage | bytes, *, to: list[str] | None = None) -> Any:
    url = urlsplit(smtp.smtp_url)
    recipients = to or ["kundin@example.com"]
    return await aiosmtplib.send(
        mail, sender="vrs@vrs.example", recipients=recipients, hostname=url.hostname, port=url.port, timeout=5
    )


async def test_mail_is_kept_with_envelope_headers_and_bodies(smtp: RunningSmtp, http: httpx.AsyncClient) -> None:
    message_id = f"<{uuid4()}@vrs.example>"
    mail = a_mail(Subject="Läuft: Ihr Projekt", Message_ID=message_id, X_Event="e-1")
    await send(smtp, mail, to=["kundin@example.com", "kopie@example.com"])
    (row,) = (await http.get(smtp.inbox_url)).json()
    received = row.pop("received")
    assert received.endswith("+00:00")
    headers = row.pop("headers")
    assert headers["X-Event"] == "e-1"
    assert row == {
        "number": 1,
        "from": "vrs@vrs.example",
        "to": ["kundin@example.com", "kopie@example.com"],
        "subject": "Läuft: Ihr Projekt",
        "message_id": message_id,
        "text": "Ihr Projekt läuft.\n",
        "html": "<p>Ihr Projekt läuft.</p>\n",
    }


async def test_raw_mail_is_what_was_sent(smtp: RunningSmtp, http: httpx.AsyncClient) -> None:
    await send(smtp, b"Subject: x\r\n\r\n.dot\r\nend\r\n")
    raw = await http.get(f"{smtp.inbox_url}/1")
    assert (raw.headers["content-type"], raw.content) == ("message/rfc822", b"Subject: x\r\n\r\n.dot\r\nend\r\n")
    assert (await http.get(f"{smtp.inbox_url}/2")).status_code == 404


async def test_emptied_inbox_goes_on_counting(smtp: RunningSmtp, http: httpx.AsyncClient) -> None:
    await send(smtp, a_mail())
    assert (await http.delete(smtp.inbox_url)).status_code == 204
    assert (await http.get(smtp.inbox_url)).json() == []
    await send(smtp, a_mail())
    assert [row["number"] for row in (await http.get(smtp.inbox_url)).json()] == [2]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no headers at all",
        b"Subject: \xff\xfe\r\n\r\n\xff",
        b"Subject: =?unicode_escape?q?=5Cud800?=\r\n\r\nx",
        b"Content-Type: text/plain; charset=unheard-of\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        b"From: <\r\nMessage-ID: <<>\r\nDate: never\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%",
    ],
)
async def test_mail_that_cannot_be_read_is_kept_all_the_same(
    smtp: RunningSmtp, http: httpx.AsyncClient, raw: bytes
) -> None:
    await send(smtp, raw)
    assert len((await http.get(smtp.inbox_url)).json()) == 1


async def test_mail_over_the_size_limit_is_refused(smtp: RunningSmtp, http: httpx.AsyncClient) -> None:
    line = b"x" * 998 + b"\r\n"
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await send(smtp, b"Subject: big\r\n\r\n" + line * (inbox.MAX_BYTES // len(line) + 1))
    assert refused.value.code == 552
    assert (await http.get(smtp.inbox_url)).json() == []


def test_full_inbox_drops_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_MAILS", 2)
    full = inbox.Inbox()
    for _ in range(3):
        full.add(sender="a@example.com", recipients=["b@example.com"], raw=b"")
    assert [mail.number for mail in full] == [2, 3]
    assert full.get(1) is None


@pytest.mark.parametrize("code", [450, 550])
async def test_armed_refusal_hits_the_next_recipients(smtp: RunningSmtp, http: httpx.AsyncClient, code: int) -> None:
    fault = {"call": "RCPT", "kind": "refused", "code": code, "times": 2}
    await http.post(smtp.control_url, json={"fault": fault})
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await send(smtp, a_mail())
        assert refused.value.recipients[0].code == code
    await send(smtp, a_mail())
    assert len((await http.get(smtp.inbox_url)).json()) == 1


async def test_refused_data_keeps_nothing(smtp: RunningSmtp, http: httpx.AsyncClient) -> None:
    await http.post(smtp.control_url, json={"fault": {"call": "DATA", "kind": "refused", "code": 451}})
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await send(smtp, a_mail())
    assert refused.value.code == 451
    assert (await http.get(smtp.inbox_url)).json() == []


async def test_lost_250_keeps_the_mail_and_hangs_up(smtp: RunningSmtp, http: httpx.AsyncClient) -> None:
    await http.post(smtp.control_url, json={"fault": {"call": "DATA", "kind": "lost_answer"}})
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(smtp, a_mail())
    assert len((await http.get(smtp.inbox_url)).json()) == 1


async def test_slow_answer_comes_late(smtp: RunningSmtp, http: httpx.AsyncClient) -> None:
    await http.post(smtp.control_url, json={"fault": {"call": "DATA", "kind": "slow", "seconds": 0.3}})
    started = monotonic()
    await send(smtp, a_mail())
    assert monotonic() - started >= 0.3


async def test_latency_holds_up_nobody_else(smtp: RunningSmtp, http: httpx.AsyncClient) -> None:
    await http.post(smtp.control_url, json={"latency": 0.5})
    started = monotonic()
    await asyncio.gather(*(send(smtp, a_mail()) for _ in range(50)))
    assert monotonic() - started < 25  # one after the other takes 50 s
    assert len((await http.get(smtp.inbox_url)).json()) == 50


async def test_wrong_control_request_is_422(smtp: RunningSmtp, http: httpx.AsyncClient) -> None:
    for fault in (
        {"call": "RCPT", "kind": "refused"},
        {"call": "RCPT", "kind": "refused", "code": 250},
        {"call": "MAIL", "kind": "slow"},
        {"call": "DATA", "kind": "malformed"},
    ):
        assert (await http.post(smtp.control_url, json={"fault": fault})).status_code == 422


async def test_idle_client_does_not_hold_up_the_end() -> None:
    started = monotonic()
    async with running_smtp() as smtp:
        url = urlsplit(smtp.smtp_url)
        reader, _ = await asyncio.open_connection(url.hostname, url.port)
        assert (await reader.readline()).startswith(b"220 ")
    assert monotonic() - started < 30
