"""The client of vrs-core: the right server, the right name, and whatever may answer instead."""

import base64
import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

import httpx
import pytest

from contracts import Plugin
from contracts.signatures import written
from services.bootstrap.core import MOST_BYTES, Core, NoHealth, core_http
from services.bootstrap.health import CoreState, Health
from services.deploy.blueprint import AppSecrets

SERVER = IPv4Address("203.0.113.10")
HEALTHY = {"state": "healthy", "version": "1.4.2", "plugins": []}


async def reason(core: Core, fqdn: str, key: str | None = None) -> str:
    answer = await core.look(fqdn=fqdn, ipv4=SERVER, key=key)
    assert isinstance(answer, NoHealth), answer
    return answer.reason


def answering(respond: Callable[[httpx.Request], httpx.Response]) -> Core:
    return Core(httpx.AsyncClient(transport=httpx.MockTransport(respond)))


async def test_a_healthy_core_is_read_with_its_plugins(cores: Any) -> None:
    host = await cores.start("shop==2.1.0")
    health = await cores.core.look(fqdn=host, ipv4=SERVER)
    assert isinstance(health, Health)
    assert (health.state, health.version) == (CoreState.HEALTHY, "1.4.2")
    assert [(plugin.name, plugin.installed) for plugin in health.plugins] == [("shop", "2.1.0")]
    assert health.missing((Plugin(name="shop", version="2.1.0"),)) == []


async def test_a_booting_core_is_read_from_its_503(cores: Any) -> None:
    host = await cores.start("shop==2.1.0", boot_seconds=600)
    health = await cores.core.look(fqdn=host, ipv4=SERVER)
    assert isinstance(health, Health)
    assert health.state is CoreState.BOOTING


async def test_a_report_counts_if_the_projects_own_container_signed_it(cores: Any) -> None:
    ours, other = AppSecrets(), AppSecrets()
    host = await cores.start(key=written(ours.key))
    trusted, stranger = (base64.b64encode(given.public_key).decode() for given in (ours, other))
    health = await cores.core.look(fqdn=host, ipv4=SERVER, key=trusted)
    assert isinstance(health, Health)
    assert "not signed with this project's key" in await reason(cores.core, host, key=stranger)
    await cores.broken(host, "unsigned")
    assert "not signed with this project's key" in await reason(cores.core, host, key=trusted)


async def test_the_certificate_is_read_with_the_report(cores: Any) -> None:
    health = await cores.core.look(fqdn=await cores.start(), ipv4=SERVER)
    assert isinstance(health, Health)
    assert health.certificate is not None
    assert health.certificate.days_left > 0
    assert health.certificate.issuer


async def test_a_certificate_for_another_name_is_refused(cores: Any) -> None:
    host = await cores.start()
    await cores.broken(host, "wrong_certificate")
    assert f"has no valid certificate for {host} (yet)" in await reason(cores.core, host)


async def test_a_certificate_of_an_unknown_authority_is_refused(cores: Any) -> None:
    host = await cores.start()
    async with core_http() as http:
        stranger = Core(http, connect=cores.running.https_address)
        assert "no valid certificate" in await reason(stranger, host)


async def test_a_connection_that_was_verified_for_one_project_is_not_used_for_another(cores: Any) -> None:
    host, unverified = await cores.start(), await cores.start()
    await cores.broken(unverified, "wrong_certificate")
    assert isinstance(await cores.core.look(fqdn=host, ipv4=SERVER), Health)
    assert "no valid certificate" in await reason(cores.core, unverified)


async def test_a_proxy_in_the_environment_is_not_asked(cores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    host = await cores.start()
    async with core_http(cores.running.ca_file) as http:
        core = Core(http, connect=cores.running.https_address)
        assert isinstance(await core.look(fqdn=host, ipv4=SERVER), Health)


async def test_the_servers_address_is_asked_under_the_projects_name() -> None:
    asked: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=HEALTHY)

    await answering(respond).look(fqdn="a.vrs.example", ipv4=SERVER)
    [request] = asked
    assert str(request.url) == "https://203.0.113.10/health"
    assert request.headers["host"] == "a.vrs.example"
    assert request.extensions["sni_hostname"] == "a.vrs.example"


async def test_a_server_that_refuses_connections_is_no_health() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        async with core_http() as http:
            assert f"{address} does not answer for a.vrs.example" in await reason(
                Core(http, connect=address), "a.vrs.example"
            )


async def test_a_core_that_answers_too_late_is_no_health(cores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.bootstrap.core.LOOK_SECONDS", 0.3)
    host = await cores.start()
    await cores.broken(host, "slow", seconds=2)
    assert "did not answer" in await reason(cores.core, host)


async def test_a_core_that_hangs_up_is_no_health(cores: Any) -> None:
    host = await cores.start()
    await cores.broken(host, "close")
    assert "does not answer" in await reason(cores.core, host)


async def test_a_core_that_answers_500_is_no_health(cores: Any) -> None:
    host = await cores.start()
    await cores.broken(host, "health_500")
    assert await reason(cores.core, host) == f"{host} at {cores.running.https_address} answers 500"


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (httpx.Response(404, text="404 page not found"), "does not know a.vrs.example"),
        (httpx.Response(301, headers={"Location": "https://elsewhere.example/"}), "answers 301"),
        (httpx.Response(502, text="Bad Gateway"), "answers 502"),
        (httpx.Response(200, text="<h1>It works!</h1>"), "without a health report"),
        (httpx.Response(200, content=b""), "without a health report"),
        (httpx.Response(200, content=b"\xff\x00"), "without a health report"),
        (httpx.Response(200, json={**HEALTHY, "state": "splendid"}), "without a health report: state"),
        (httpx.Response(200, json={**HEALTHY, "version": "1\n2"}), "without a health report: version"),
        (httpx.Response(200, json={"state": "healthy"}), "without a health report: version"),
        (httpx.Response(200, json={**HEALTHY, "junk": "x" * MOST_BYTES}), "more than"),
    ],
)
async def test_an_answer_that_is_no_health_report_is_told_for_what_it_is(response: httpx.Response, said: str) -> None:
    assert said in await reason(answering(lambda _: response), "a.vrs.example")
