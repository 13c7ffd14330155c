"""The vrs-core simulator: a container per host behind TLS, which boots, fetches plugins and breaks on demand."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from simulators.core import Core, running_core

PLUGINS = "shop==2.1.0, blog==1.0.3"


class Visitor:
    """Somebody who trusts the simulator's authority, and the one who starts containers."""

    def __init__(self, core: Core, desk: httpx.AsyncClient) -> None:
        self.core = core
        self.desk = desk

    async def visit(self, host: str, path: str = "/health", *, trusting: bool = True) -> httpx.Response:
        trust: ssl.SSLContext | bool = ssl.create_default_context(cafile=self.core.ca_file) if trusting else False
        async with httpx.AsyncClient(verify=trust) as client:
            return await client.get(
                f"https://{self.core.https_address}{path}",
                headers={"Host": host},
                extensions={"sni_hostname": host},
            )

    async def start(self, plugins: str = PLUGINS, *, host: str | None = None, tag: str = "1.4.2") -> str:
        host = host or f"{uuid4().hex[:12]}.example.com"
        app = {"fqdn": host, "image": "ghcr.io/acme/core", "tag": tag, "server_ip": "203.0.113.10"}
        answer = await self.desk.post(f"{self.core.url}/_apps", json=app | {"env": {"VRS_PLUGINS": plugins}})
        assert answer.status_code == 201, answer.text
        return host

    async def control(self, **wanted: Any) -> httpx.Response:
        return await self.desk.post(self.core.control_url, json=wanted)

    async def healthy(self, host: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while (answer := await self.visit(host)).status_code != 200:  # noqa: ASYNC110 - polls over HTTP
                await asyncio.sleep(0.01)
        health: dict[str, Any] = answer.json()
        return health


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Visitor]:
    async with running_core() as core, httpx.AsyncClient() as desk:
        yield Visitor(core, desk)


@pytest.fixture
async def visitor(running: Visitor) -> Visitor:
    await running.control(reset=True, boot_seconds=0)
    return running


async def test_an_app_is_503_while_it_boots_and_then_lists_its_plugins(visitor: Visitor) -> None:
    await visitor.control(boot_seconds=1)
    host = await visitor.start()
    booting = await visitor.visit(host)
    assert (booting.status_code, booting.json()["state"]) == (503, "booting")
    assert {plugin["state"] for plugin in booting.json()["plugins"]} == {"pending"}
    healthy = await visitor.healthy(host)
    assert datetime.fromisoformat(healthy.pop("manifest")).tzinfo is not None
    assert healthy == {
        "state": "healthy",
        "version": "1.4.2",
        "plugins": [
            {"name": "shop", "wanted": "2.1.0", "installed": "2.1.0", "state": "installed", "error": None},
            {"name": "blog", "wanted": "1.0.3", "installed": "1.0.3", "state": "installed", "error": None},
        ],
    }
    assert (await visitor.visit(host, "/")).status_code == 200


async def test_an_app_without_plugins_is_healthy(visitor: Visitor) -> None:
    assert (await visitor.healthy(await visitor.start("")))["plugins"] == []


async def test_plugins_that_cannot_be_read_fail_the_boot(visitor: Visitor) -> None:
    answer = await visitor.visit(await visitor.start("shop=2.1.0"))
    assert (answer.status_code, answer.json()["state"]) == (503, "failed")


async def test_a_new_container_takes_the_place_of_the_old_one(visitor: Visitor) -> None:
    host = await visitor.start()
    await visitor.start("", host=host, tag="1.5.0")
    assert (await visitor.healthy(host))["version"] == "1.5.0"


async def test_an_unknown_host_gets_traefiks_certificate_and_its_404(visitor: Visitor) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        await visitor.visit("nobody.example.com")
    answer = await visitor.visit("nobody.example.com", trusting=False)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


async def test_a_removed_app_is_unknown_and_removing_it_twice_is_404(visitor: Visitor) -> None:
    host = await visitor.start()
    removals = [(await visitor.desk.delete(f"{visitor.core.url}/_apps/{host}")).status_code for _ in range(2)]
    assert removals == [204, 404]
    assert (await visitor.visit(host, trusting=False)).status_code == 404


async def test_an_app_that_never_boots_does_once_it_is_healed(visitor: Visitor) -> None:
    host = await visitor.start()
    await visitor.control(app_fault={"fqdn": host, "kind": "never_boots"})
    assert (await visitor.visit(host)).json()["state"] == "booting"
    assert (await visitor.visit(await visitor.start())).status_code == 200
    await visitor.control(heal=host)
    assert (await visitor.healthy(host))["state"] == "healthy"


@pytest.mark.parametrize(
    ("fault", "installed", "state"),
    [
        ({}, None, "missing"),
        ({"state": "failed"}, None, "failed"),
        ({"version": "2.0.9"}, "2.0.9", "installed"),
    ],
)
async def test_a_plugin_that_is_not_as_ordered_degrades_the_app(
    visitor: Visitor, fault: dict[str, str], installed: str | None, state: str
) -> None:
    host = await visitor.start()
    await visitor.control(app_fault={"fqdn": host, "kind": "plugin", "plugin": "shop"} | fault)
    health = await visitor.healthy(host)
    shop, blog = health["plugins"]
    assert (health["state"], blog["state"]) == ("degraded", "installed")
    assert (shop["wanted"], shop["installed"], shop["state"]) == ("2.1.0", installed, state)
    assert (shop["error"] is None) == (installed is not None)


async def test_health_can_be_a_500_for_every_host(visitor: Visitor) -> None:
    await visitor.control(app_fault={"kind": "health_500"})
    assert (await visitor.visit(await visitor.start())).status_code == 500


async def test_a_host_can_show_a_certificate_that_is_not_its_own(visitor: Visitor) -> None:
    host = await visitor.start()
    await visitor.control(app_fault={"fqdn": host, "kind": "wrong_certificate"})
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        await visitor.visit(host)
    assert (await visitor.visit(host, trusting=False)).status_code == 200


async def test_a_certificate_is_for_its_own_host_only(visitor: Visitor) -> None:
    host = await visitor.start()
    trust = ssl.create_default_context(cafile=visitor.core.ca_file)
    async with httpx.AsyncClient(verify=trust) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"https://{visitor.core.https_address}/health", headers={"Host": host})


async def test_a_host_can_hang_up_without_an_answer(visitor: Visitor) -> None:
    host = await visitor.start()
    await visitor.control(app_fault={"fqdn": host, "kind": "close"})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await visitor.visit(host)


async def test_a_slow_host_does_not_slow_the_others(visitor: Visitor) -> None:
    slow, other = await visitor.start(), await visitor.start()
    await visitor.control(app_fault={"fqdn": slow, "kind": "slow", "seconds": 1})
    waiting = asyncio.create_task(visitor.visit(slow))
    assert (await visitor.visit(other)).status_code == 200
    assert not waiting.done()
    assert (await waiting).status_code == 200


async def test_faults_that_make_no_sense_are_refused(visitor: Visitor) -> None:
    for fault in ({"kind": "plugin"}, {"kind": "slow", "plugin": "shop"}, {"kind": "explode"}):
        assert (await visitor.control(app_fault=fault)).status_code == 422
    for app in ({"fqdn": "a.example.com"}, {"fqdn": "https://a.example.com"}):
        assert (await visitor.desk.post(f"{visitor.core.url}/_apps", json=app)).status_code == 422


async def test_two_simulators_in_one_process_share_nothing(visitor: Visitor) -> None:
    host = await visitor.start()
    async with running_core() as other:
        neighbour = Visitor(other, visitor.desk)
        assert (await neighbour.visit(host, trusting=False)).status_code == 404
        assert (await visitor.visit(host)).status_code == 200
    assert not other.ca_file.exists()


async def test_a_hundred_apps_start_at_once(visitor: Visitor) -> None:
    hosts = await asyncio.gather(*(visitor.start() for _ in range(100)))
    assert (await visitor.visit(hosts[-1])).status_code == 200
