"""What bootstrap makes of a core's state, and of a cancellation."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import AppDeployed, CoreHealthy, CoreRetired, Locale, Plugin, ProjectCancelled, TargetServer
from services.bootstrap.app import bootstrap
from services.bootstrap.handlers import await_core, retire_core
from shared.errors import TemporaryError
from shared.models import LogStatus, ProvisioningLog, ProvisioningState
from shared.outcome import Done, Later
from shared.settings import SettingsError
from shared.step import ProjectFacts
from tests.in_memory_step import InMemoryStep

SHOP = Plugin(name="shop", version="2.1.0")
BLOG = Plugin(name="blog", version="1.0.3")


def deployed(fqdn: str) -> AppDeployed:
    server = TargetServer(id="srv", name="fsn-1", region="fsn", ipv4="203.0.113.10")
    return AppDeployed(
        fqdn=fqdn, url=f"https://{fqdn}/", image="core", tag="1.4.2", server=server, application="a", deployment="d"
    )


def ordered(fqdn: str, *plugins: Plugin, age: float = 0) -> InMemoryStep:
    step = InMemoryStep(
        project=ProjectFacts(
            state=ProvisioningState.APP_DEPLOYED,
            slug="a",
            fqdn=fqdn,
            base_domain="vrs.example",
            project_type="vrs-core",
            plan="basic",
            plugins=plugins,
            locale=Locale.DE,
            customer_name="Anna",
            customer_email="anna@example.org",
            ordered_at=datetime.now(UTC),
        )
    )
    step.opened_at -= timedelta(seconds=age)
    return step


async def looked(cores: Any, fqdn: str, *plugins: Plugin, age: float = 0) -> Any:
    return await await_core(cores.core, deployed(fqdn), ordered(fqdn, *plugins, age=age))


async def test_a_core_with_every_ordered_plugin_makes_the_project_live(cores: Any) -> None:
    host = await cores.start("shop==2.1.0,blog==1.0.3,extra==9")
    outcome = await looked(cores, host, SHOP, BLOG)
    assert isinstance(outcome, Done)
    assert outcome.state is ProvisioningState.LIVE
    assert outcome.events == (
        CoreHealthy(fqdn=host, url=f"https://{host}/", core_version="1.4.2", plugins=(SHOP, BLOG)),
    )


async def test_a_booting_core_is_looked_at_again_soon_and_then_less_often(cores: Any) -> None:
    host = await cores.start("shop==2.1.0", boot_seconds=600)
    first = await looked(cores, host, SHOP)
    assert isinstance(first, Later)
    assert first.after == 0.3
    assert first.message == (
        f"vrs-core 1.4.2 at {host} is booting; missing as ordered: shop 2.1.0 (is pending, installed none)"
    )
    assert (await looked(cores, host, SHOP, age=50)).after == pytest.approx(5, abs=0.1)
    assert (await looked(cores, host, SHOP, age=1500)).after == 60


async def test_a_core_that_boots_on_becomes_live(cores: Any) -> None:
    host = await cores.start("shop==2.1.0", boot_seconds=0.5)
    assert isinstance(await looked(cores, host, SHOP), Later)
    async with asyncio.timeout(10):
        while isinstance(await looked(cores, host, SHOP), Later):  # noqa: ASYNC110 - polls over HTTP
            await asyncio.sleep(0.05)
    assert isinstance(await looked(cores, host, SHOP), Done)


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        ({"version": "2.0.9"}, "shop 2.1.0 (is installed, installed 2.0.9)"),
        ({"state": "failed"}, "shop 2.1.0 (is failed, installed none: shop 2.1.0 could not be fetched)"),
        ({"state": "missing"}, "shop 2.1.0 (is missing, installed none: shop 2.1.0 could not be fetched)"),
    ],
)
async def test_a_plugin_that_is_not_as_ordered_is_waited_for_by_name(
    cores: Any, fault: dict[str, str], missing: str
) -> None:
    host = await cores.start("shop==2.1.0,blog==1.0.3")
    await cores.broken(host, "plugin", plugin="shop", **fault)
    outcome = await looked(cores, host, SHOP, BLOG)
    assert isinstance(outcome, Later)
    assert outcome.message == f"vrs-core 1.4.2 at {host} is degraded; missing as ordered: {missing}"


async def test_a_healthy_core_that_does_not_list_an_ordered_plugin_is_not_live(cores: Any) -> None:
    host = await cores.start("shop==2.1.0")
    outcome = await looked(cores, host, SHOP, BLOG)
    assert isinstance(outcome, Later)
    assert outcome.message == (
        f"vrs-core 1.4.2 at {host} is healthy; missing as ordered: blog 1.0.3 (vrs-core does not list it)"
    )


async def test_a_degraded_core_is_not_live_though_every_ordered_plugin_is_there(cores: Any) -> None:
    host = await cores.start("shop==2.1.0,extra==9")
    await cores.broken(host, "plugin", plugin="extra")
    outcome = await looked(cores, host, SHOP)
    assert isinstance(outcome, Later)
    assert outcome.message == f"vrs-core 1.4.2 at {host} is degraded"


async def test_a_core_that_failed_is_a_temporary_error(cores: Any) -> None:
    host = await cores.start("not a plugin")
    with pytest.raises(TemporaryError, match="is failed") as failed:
        await looked(cores, host)
    assert failed.value.code == "core_failed"


async def test_a_certificate_that_is_not_issued_yet_is_waited_for(cores: Any) -> None:
    host = await cores.start()
    await cores.broken(host, "wrong_certificate")
    outcome = await looked(cores, host)
    assert isinstance(outcome, Later)
    assert "no valid certificate" in outcome.message


async def test_an_unknown_order_is_waited_for_and_nothing_is_asked(cores: Any) -> None:
    with pytest.raises(TemporaryError) as unknown:
        await await_core(cores.core, deployed("a.vrs.example"), InMemoryStep())
    assert unknown.value.code == "unknown_project"


CANCELLED = ProjectCancelled(reason="customer's wish", requested_by="desk")


@pytest.mark.parametrize(
    ("consumer", "status", "was_healthy"),
    [
        ("bootstrap.app-deployed", LogStatus.COMPLETED, True),
        ("bootstrap.app-deployed", LogStatus.CANCELLED, False),
        ("bootstrap.app-deployed", LogStatus.WAITING, False),
        ("deploy.dns-configured", LogStatus.COMPLETED, False),
    ],
)
async def test_a_cancelled_project_is_retired_as_live_only_if_it_was(
    consumer: str, status: LogStatus, was_healthy: bool
) -> None:
    step = ordered("a.vrs.example")
    row = ProvisioningLog(id=1, project_id=step.project_id, consumer=consumer, status=status)
    step.tables[("provisioning_log", 1)] = row
    outcome = await retire_core(CANCELLED, step)
    assert outcome.events == (CoreRetired(fqdn="a.vrs.example", was_healthy=was_healthy, reason="customer's wish"),)


async def test_a_project_that_is_cancelled_before_it_is_known_is_retired() -> None:
    outcome = await retire_core(CANCELLED, InMemoryStep())
    assert outcome.events == (CoreRetired(fqdn=None, was_healthy=False, reason="customer's wish"),)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("VRS_AMQP_URL", "amqp://localhost")
    monkeypatch.setenv("VRS_DATABASE_URL", "postgresql://localhost/vrs")
    return monkeypatch


async def test_the_service_is_built_from_its_settings(environment: pytest.MonkeyPatch, cores: Any) -> None:
    environment.setenv("VRS_CORE_CONNECT", cores.running.https_address)
    environment.setenv("VRS_CORE_CA_FILE", str(cores.running.ca_file))
    host = await cores.start("shop==2.1.0")
    async with bootstrap() as service:
        [consumer] = [each for each in service.consumers if each.event is AppDeployed]
        assert isinstance(await consumer.handler(deployed(host), ordered(host, SHOP)), Done)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VRS_CORE_CONNECT", "127.0.0.1"),
        ("VRS_CORE_CONNECT", "https://127.0.0.1:8443"),
        ("VRS_CORE_CONNECT", "127.0.0.1:99999"),
        ("VRS_CORE_CA_FILE", "/nowhere/ca.pem"),
        ("VRS_CORE_CA_FILE", __file__),
        ("VRS_CORE_HEALTH_PATH", "health"),
    ],
)
async def test_a_wrong_setting_is_named_at_start(environment: pytest.MonkeyPatch, variable: str, value: str) -> None:
    environment.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        async with bootstrap():
            pass
