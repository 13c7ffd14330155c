"""A mail server that delivers nothing, and the post that hands mails in there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.notify.post import Post, mailbox
from services.notify.smtp import MailServer, Smtp
from shared.status_links import StatusLinks
from simulators.smtp import RunningSmtp, running_smtp

CASE_WORKERS = ("erika@desk.example", "max@desk.example")
LINKS = StatusLinks((b"k" * 32,), "https://market.example/")


@dataclass
class MailSink:
    """The simulator as a test sees it."""

    running: RunningSmtp
    http: httpx.AsyncClient

    async def mails(self) -> list[dict[str, Any]]:
        mails: list[dict[str, Any]] = (await self.http.get(self.running.inbox_url)).json()
        return mails

    async def breaks(self, call: str, kind: str, **details: Any) -> None:
        body = {"fault": {"call": call, "kind": kind, **details}}
        answer = await self.http.post(self.running.control_url, json=body)
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    async with running_smtp() as running, httpx.AsyncClient() as http:
        yield MailSink(running, http)


@pytest.fixture
async def smtp(sink: MailSink) -> AsyncIterator[Smtp]:
    smtp = Smtp(MailServer.parse(sink.running.smtp_url), greeting="vrs.example")
    yield smtp
    await smtp.aclose()


@pytest.fixture
def post(smtp: Smtp) -> Post:
    return Post(smtp, sender=mailbox("VRS", "noreply@vrs.example"), case_workers=CASE_WORKERS, status_links=LINKS)
