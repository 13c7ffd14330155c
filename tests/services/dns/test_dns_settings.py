"""What the environment may say, and how it is told that it is wrong."""

import pytest

from contracts import PlacementStrategy, ServiceName
from services.dns.app import dns
from services.dns.authority import ServerAddress
from services.dns.settings import DnsSettings
from shared.settings import SettingsError, load
from tests.services.dns.world import World

NEEDED = {
    "VRS_AMQP_URL": "amqp://localhost/",
    "VRS_DATABASE_URL": "postgresql://localhost/vrs",
    "VRS_INWX_USER": "demo",
    "VRS_INWX_PASSWORD": "demo",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_the_defaults_are_those_of_production() -> None:
    settings = load(DnsSettings)
    assert str(settings.inwx_url) == "https://api.domrobot.com/jsonrpc/"
    assert (settings.dns_servers, settings.record_ttl) == ((), 300)
    assert settings.placement is PlacementStrategy.LEAST_LOADED


def test_name_servers_are_read_with_and_without_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VRS_DNS_SERVERS", "127.0.0.1:5301, ns.example ,[2001:db8::1]:54,[2001:db8::2]")
    assert load(DnsSettings).dns_servers == (
        ServerAddress("127.0.0.1", 5301),
        ServerAddress("ns.example", 53),
        ServerAddress("2001:db8::1", 54),
        ServerAddress("2001:db8::2", 53),
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VRS_RECORD_TTL", "299"),
        ("VRS_RECORD_TTL", "864001"),
        ("VRS_DNS_SERVERS", "ns.example:dns"),
        ("VRS_PLACEMENT", "random"),
        ("VRS_INWX_URL", "https://api.domrobot.com/jsonrpc"),
        ("VRS_INWX_TOTP_SECRET", "no base32!"),
        ("VRS_INWX_PASSWORD", ""),
        ("VRS_CUSTOMER_LOOK_AT_MOST", "301"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable) as caught:
        load(DnsSettings)
    assert "\n" not in str(caught.value)
    if "SECRET" in variable:
        assert value not in str(caught.value)


OF_DOMAINS = ["vrs.domain.added.v1", "vrs.domain.removed.v1", "vrs.primary.changed.v1", "vrs.domain.connected.v1"]


async def test_the_service_is_put_together_and_its_checks_pass(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VRS_INWX_URL", world.running.url)
    monkeypatch.setenv("VRS_DNS_SERVERS", ",".join(world.running.dns_servers))
    async with dns() as service:
        assert service.name is ServiceName.DNS
        assert [consumer.event.type for consumer in service.consumers] == [
            "vrs.project.ordered.v1",
            "vrs.registration.requested.v1",
            *OF_DOMAINS,
            "vrs.maildomain.requested.v1",
            "vrs.transfer.requested.v1",
            "vrs.project.cancelled.v1",
        ]
        needing = [consumer.event.type for consumer in service.consumers if consumer.needs_project]
        assert needing == [
            "vrs.registration.requested.v1",
            *OF_DOMAINS,
            "vrs.maildomain.requested.v1",
            "vrs.transfer.requested.v1",
        ], "the order makes the project known"
        said = [await check.run() for check in service.checks]
    assert said[0] == "signed in as demo"
    assert said[3] == "no VRS_BREVO_API_KEY: no mail under customers' domains"
    assert all(server in said[2] for server in world.running.dns_servers)
