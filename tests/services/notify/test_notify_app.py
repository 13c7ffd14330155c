"""Notify as it is built from its settings."""

from typing import Any

import pytest

from contracts import EVENTS, ProjectCancelled, ServiceName
from services.notify.app import notify
from shared.outcome import Done
from shared.settings import SettingsError
from tests.in_memory_step import InMemoryStep

CANCELLED = ProjectCancelled(reason="x", requested_by="desk")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, sink: Any) -> pytest.MonkeyPatch:
    monkeypatch.setenv("VRS_AMQP_URL", "amqp://localhost")
    monkeypatch.setenv("VRS_DATABASE_URL", "postgresql://localhost/vrs")
    monkeypatch.setenv("VRS_SMTP_URL", sink.running.smtp_url)
    monkeypatch.setenv("VRS_MAIL_FROM", "VRS <noreply@vrs.example>")
    monkeypatch.setenv("VRS_CASE_WORKERS", "erika@desk.example, max@desk.example")
    return monkeypatch


async def test_the_service_is_built_from_its_settings(environment: pytest.MonkeyPatch, sink: Any) -> None:
    async with notify() as service:
        [check] = service.checks
        assert await check.run() == "127.0.0.1 answers, without TLS, without login"
        assert {consumer.event for consumer in service.consumers} == {
            event for event in EVENTS.values() if ServiceName.NOTIFY in event.required_by
        }
        [consumer] = [consumer for consumer in service.consumers if consumer.event is ProjectCancelled]
        assert isinstance(await consumer.handler(CANCELLED, InMemoryStep()), Done)
    assert await sink.mails() == []


async def test_no_mail_that_bounces_makes_a_project_fail(environment: pytest.MonkeyPatch) -> None:
    async with notify() as service:
        assert not any(consumer.fails_project for consumer in service.consumers)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VRS_SMTP_URL", None),
        ("VRS_SMTP_URL", "http://user:geheim@mail.example"),
        ("VRS_SMTP_URL", "smtp://user:geheim@mail.example:port"),
        ("VRS_MAIL_FROM", None),
        ("VRS_MAIL_FROM", "noreply"),
        ("VRS_CASE_WORKERS", None),
        ("VRS_CASE_WORKERS", " "),
        ("VRS_CASE_WORKERS", "erika@desk.example, max"),
    ],
)
async def test_a_missing_or_wrong_setting_is_named_without_its_secret(
    environment: pytest.MonkeyPatch, variable: str, value: str | None
) -> None:
    if value is None:
        environment.delenv(variable)
    else:
        environment.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable}: ") as wrong:
        async with notify():
            pass
    assert "geheim" not in str(wrong.value)
