"""How the deploy service is put together, and what it wants from its environment."""

import pytest

from contracts import AppDeployed, AppRemoved, AppRouted, DnsConfigured, ProjectCancelled, RoutesChanged
from services.deploy.app import deploy
from services.deploy.blueprint import new_token
from shared.plans import read_plans
from shared.settings import SettingsError
from simulators.coolify import running_coolify
from tests.services.deploy.bench import settings

GIVEN = {
    "VRS_AMQP_URL": "amqp://unused",
    "VRS_DATABASE_URL": "postgresql://unused",
    "VRS_COOLIFY_URL": "https://coolify.example/",
    "VRS_COOLIFY_TOKEN": "7|demo-token",
    "VRS_COOLIFY_PROJECT": "vrs-tenants",
    "VRS_MARKETPLACE_URL": "https://market.example",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def test_the_service_hears_three_events_and_says_three(environment: pytest.MonkeyPatch) -> None:
    async with running_coolify() as running:
        environment.setenv("VRS_COOLIFY_URL", running.url)
        async with deploy() as service:
            assert {consumer.event for consumer in service.consumers} == {
                DnsConfigured,
                RoutesChanged,
                ProjectCancelled,
            }
            assert set(service.publishes) == {AppDeployed, AppRouted, AppRemoved}
            assert all(consumer.failed_text for consumer in service.consumers if consumer.fails_project)
            needs = {consumer.event: consumer.needs_project for consumer in service.consumers}
            assert needs == {DnsConfigured: True, RoutesChanged: True, ProjectCancelled: False}
            check, _ = service.checks
            assert "10 of 10 servers usable" in await check.run()


@pytest.mark.parametrize("name", ["VRS_COOLIFY_URL", "VRS_COOLIFY_TOKEN", "VRS_COOLIFY_PROJECT", "VRS_MARKETPLACE_URL"])
async def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(SettingsError, match=f"{name}: is not set"):
        async with deploy():
            pass


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("VRS_COOLIFY_URL", "https://coolify.example/api/v1/", "leave out /api/v1"),
        ("VRS_COOLIFY_TOKEN", "demo-token", "whole token"),
        ("VRS_COOLIFY_RATE_LIMIT", "1", "greater than or equal to 8"),
    ],
)
async def test_a_wrong_setting_names_its_remedy(
    environment: pytest.MonkeyPatch, name: str, value: str, remedy: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError, match=remedy) as caught:
        async with deploy():
            pass
    assert name in str(caught.value)
    assert "demo-token" not in str(caught.value)


def test_the_api_stands_below_the_url() -> None:
    assert settings("https://coolify.example/").coolify_api == "https://coolify.example/api/v1"


def test_a_token_has_nothing_that_breaks_an_env_file() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(
        set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") for token in tokens
    )


def test_the_plans_can_be_read() -> None:
    assert set(read_plans()) == {"starter", "business", "enterprise"}
