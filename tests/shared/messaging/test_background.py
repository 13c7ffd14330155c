"""What a service does beside its steps: begun anew when it fails, and told to whoever asks if it goes on failing."""

import asyncio

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text
from structlog.testing import capture_logs

from contracts import ServiceName
from services.marketplace.webhooks.deliver import delivering
from services.marketplace.webhooks.secrets import Seal
from services.marketplace.webhooks.send import WebhookClient
from shared.database import Database
from shared.messaging import background
from shared.messaging.runtime import Runtime, running
from shared.service import Background, Kernel, Service
from tests.shared.messaging.harness import until


def with_background(name: str, work: Background) -> Service:
    return Service(name=ServiceName.MARKETPLACE, background={name: work})


async def test_work_that_fails_again_and_again_is_told_until_it_runs_for_a_while_and_keeps_nobody_from_work(
    database: Database, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "LONG_ENOUGH", 0.2)
    failing: list[bool] = []
    runtimes: list[Runtime] = []

    async def mended_after_three(kernel: Kernel) -> None:
        [work] = runtimes[0].background
        failing.append(work.is_failing)
        assert runtimes[0].not_ready == []
        if len(failing) > 3:
            await asyncio.Event().wait()
        raise ExceptionGroup("of a task group", [ConnectionError("amqp://vrs:made-up@bus/ is not there")])

    service = with_background("letters", mended_after_three)
    async with running(service, database, amqp_url=amqp_url) as runtime:
        runtimes.append(runtime)
        await until(lambda: len(failing) == 4)
        await until(lambda: not runtime.background[0].is_failing)
    assert failing == [False, False, False, True]


async def test_a_table_that_is_missing_is_nothing_that_background_work_waits_for_in_silence(
    database: Database, amqp_url: str
) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE webhook_deliveries RENAME TO elsewhere"))
    client = WebhookClient(())
    seal = Seal(SecretStr(Fernet.generate_key().decode()))
    service = with_background("webhooks", delivering(database, seal, client))
    async with running(service, database, amqp_url=amqp_url) as runtime:
        with capture_logs() as logs:
            await until(lambda: runtime.background[0].is_failing)
        assert runtime.not_ready == []
        said = [line["error"] for line in logs if line["event"] == "background work failed"]
        assert said
        assert all("`vrs db upgrade`" in each for each in said)
        async with database.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE elsewhere RENAME TO webhook_deliveries"))
    await client.aclose()
