"""Webhooks: what is committed is sent, signed, tried again, given up; and nothing is sent behind our firewall."""

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
import trustme
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts import ProjectOrdered, decode
from ops.secrets import made_up
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.webhooks.deliver import PAUSES, delivering
from services.marketplace.webhooks.guard import is_allowed
from services.marketplace.webhooks.secrets import Seal
from services.marketplace.webhooks.send import WebhookClient
from shared.database import Database
from shared.models import Scope
from simulators.serving import running_app
from tests.services.marketplace.api import Api, an_order, running_api
from tests.shared.messaging.harness import until

KEY = SecretStr(made_up())
HERE = (ipaddress.ip_network("127.0.0.0/8"),)
ORDERED, CANCELLED = "vrs.project.ordered.v1", "vrs.project.cancelled.v1"


@dataclass
class Receiver:
    """An endpoint that notes what it gets and answers as it is told; held, it does not answer."""

    url: str = ""
    answer: Callable[[], Response] = lambda: Response(status_code=204)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    held: asyncio.Event | None = None

    async def take(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        if self.held is not None:
            await self.held.wait()
        return self.answer()


@dataclass
class Hooks:
    """The API, a receiver, and the deliveries that run between them."""

    api: Api
    receiver: Receiver

    async def call(self, method: str, path: str = "", **options: Any) -> httpx.Response:
        return await self.api.call(method, f"/webhooks{path}", Scope.WEBHOOKS, **options)

    async def subscribe(self, **wanted: Any) -> dict[str, Any]:
        answer = await self.call("POST", json={"url": self.receiver.url} | wanted)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def deliveries(self, hook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
        page: dict[str, Any] = (await self.call("GET", f"/{hook['id']}/deliveries{query}")).json()
        found: list[dict[str, Any]] = page["deliveries"]
        return found

    async def becomes(self, hook: dict[str, Any], state: str, tries: int = 1) -> dict[str, Any]:
        """Wait until the webhook's only delivery is so, after so many tries."""

        async def is_so() -> bool:
            [only] = await self.deliveries(hook)
            return bool((only["state"], len(only["tries"])) == (state, tries))

        await until(is_so, within=30)
        return (await self.deliveries(hook))[0]

    async def let_time_pass(self) -> None:
        await self.api.sql("UPDATE webhook_deliveries SET due_at = now() WHERE state = 'pending'")

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        client = WebhookClient(HERE)
        work = asyncio.ensure_future(delivering(self.api.database, Seal(KEY), client)(None))  # type: ignore[arg-type]
        try:
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await client.aclose()


@pytest.fixture
async def hooks(database: Database) -> AsyncIterator[Hooks]:
    receiver = Receiver()
    app = Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])])
    async with running_api(database, webhook_key=KEY, webhook_networks=HERE) as api, running_app(app) as port:
        receiver.url = f"http://127.0.0.1:{port}/hook"
        yield Hooks(api, receiver)


def verify(secret: str, got: tuple[dict[str, str], bytes]) -> Any:
    headers, body = got
    return Webhook(secret).verify(body, headers)


async def test_an_event_reaches_who_has_subscribed_to_it_signed_and_as_it_was_said(hooks: Hooks) -> None:
    ordered = await hooks.subscribe(events=[ORDERED])
    everything = await hooks.subscribe()
    async with hooks.delivering():
        project_id = await hooks.api.ordered()
        await hooks.api.call("POST", f"/projects/{project_id}/cancellation", json={"reason": "x"})
        await until(lambda: len(hooks.receiver.got) == 3, within=30)
        await hooks.becomes(ordered, "delivered")
    for got in hooks.receiver.got:
        headers, body = got
        event = json.loads(body)
        assert headers["content-type"] == "application/cloudevents+json"
        assert headers["webhook-id"] == event["id"]
        secrets = [ordered["secret"], everything["secret"]]
        assert sum(_verifies(secret, got) for secret in secrets) == 1
        if event["type"] == ORDERED:
            assert decode(body, ProjectOrdered).subject == project_id
    assert sorted(json.loads(body)["type"] for _, body in hooks.receiver.got) == [CANCELLED, ORDERED, ORDERED]
    [only] = await hooks.deliveries(ordered)
    assert (only["state"], only["tries"][0]["status"]) == ("delivered", 204)
    assert (await hooks.call("GET", f"/{ordered['id']}")).json()["last_delivered_at"]
    assert len(await hooks.deliveries(everything)) == 2


def _verifies(secret: str, got: tuple[dict[str, str], bytes]) -> bool:
    try:
        verify(secret, got)
    except WebhookVerificationError:
        return False
    return True


async def test_what_is_not_committed_is_not_sent(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    await hooks.api.ordered(slug="vergeben")
    assert (await hooks.api.order(an_order(slug="vergeben"))).status_code == 409
    assert len(await hooks.deliveries(hook)) == 1


async def test_an_old_secret_signs_as_long_as_it_was_told_to(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    path = f"/{hook['id']}/secret"
    new = (await hooks.call("POST", path, json={"hours": 1})).json()
    assert new["previous_secret_until"]
    async with hooks.delivering():
        await hooks.api.ordered()
        await hooks.becomes(hook, "delivered")
        for secret in (hook["secret"], new["secret"]):
            verify(secret, hooks.receiver.got[0])
        newest = (await hooks.call("POST", path, json={"hours": 0})).json()
        await hooks.api.ordered()
        await until(lambda: len(hooks.receiver.got) == 2, within=30)
    verify(newest["secret"], hooks.receiver.got[1])
    assert not _verifies(new["secret"], hooks.receiver.got[1])
    kept: list[Any] = await hooks.api.sql("SELECT convert_from(secret, 'UTF8') FROM webhook_endpoints")
    assert not any("whsec_" in row[0] or newest["secret"][6:] in row[0] for row in kept)


async def test_a_failure_is_tried_again_under_the_same_id_and_later_if_it_is_asked_for(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    hooks.receiver.answer = lambda: Response("busy", 503, {"Retry-After": "7200"})
    async with hooks.delivering():
        await hooks.api.ordered()
        failed = await hooks.becomes(hook, "pending")
        assert failed["tries"][0]["problem"] == "answered 503"
        [[wait]] = await hooks.api.sql("SELECT extract(epoch FROM due_at - now()) FROM webhook_deliveries")
        assert 7000 < wait <= 7200
        hooks.receiver.answer = lambda: Response(status_code=301, headers={"Location": hooks.receiver.url})
        await hooks.let_time_pass()
        await hooks.becomes(hook, "pending", tries=2)
        hooks.receiver.answer = Response
        await hooks.let_time_pass()
        await hooks.becomes(hook, "delivered", tries=3)
    assert len({headers["webhook-id"] for headers, _ in hooks.receiver.got}) == 1
    assert len(hooks.receiver.got) == 3
    [again] = await hooks.deliveries(hook, "?state=delivered")
    sent_again = await hooks.call("POST", f"/{hook['id']}/deliveries/{again['id']}/retry")
    assert (sent_again.status_code, sent_again.json()["state"]) == (202, "pending")


async def test_an_endpoint_that_fails_for_days_is_switched_off_and_goes_on_when_it_is_switched_on(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    hooks.receiver.answer = lambda: Response(status_code=500)
    await hooks.api.ordered()
    tries = json.dumps(
        [{"at": "2026-03-02T09:20:00Z", "status": 500, "problem": "answered 500", "ms": 1}] * len(PAUSES)
    )
    await hooks.api.sql("UPDATE webhook_deliveries SET tries = CAST(:tries AS jsonb)", tries=tries)
    async with hooks.delivering():
        await hooks.becomes(hook, "failed", tries=len(PAUSES) + 1)
        off = (await hooks.call("GET", f"/{hook['id']}")).json()
        assert off["disabled_at"]
        assert off["disabled_reason"] == "nothing was delivered for three days; at last: answered 500"
        await hooks.api.ordered()
        assert len(await hooks.deliveries(hook)) == 1
        hooks.receiver.answer = Response
        on = (await hooks.call("PATCH", f"/{hook['id']}", json={"active": True})).json()
        assert (on["disabled_at"], on["disabled_reason"]) == (None, None)
        await hooks.api.ordered()
        await until(lambda: len(hooks.receiver.got) == 2, within=30)
        hooks.receiver.answer = lambda: Response(status_code=410)
        await hooks.api.ordered()

        async def is_off() -> bool:
            return bool((await hooks.call("GET", f"/{hook['id']}")).json()["disabled_at"])

        await until(is_off, within=30)
    assert (await hooks.call("GET", "")).json()["webhooks"][0]["disabled_reason"].endswith("410: it is gone")


async def test_whoever_is_killed_with_a_delivery_in_hand_has_it_sent_again(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    await hooks.api.ordered()
    hooks.receiver.held = asyncio.Event()
    async with hooks.delivering():
        await until(lambda: hooks.receiver.got, within=30)
    hooks.receiver.held.set()
    assert (await hooks.deliveries(hook))[0]["state"] == "pending"
    await hooks.let_time_pass()
    async with hooks.delivering():
        await hooks.becomes(hook, "delivered")
    assert len({headers["webhook-id"] for headers, _ in hooks.receiver.got}) == 1


BEHIND = (
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "2001:0:1:2:3:4:f5ff:fffe",
)


@pytest.mark.parametrize("address", BEHIND)
def test_no_webhook_goes_behind_a_firewall(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), ())


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_webhooks_go_to_public_addresses_and_where_they_are_allowed(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), ())
    assert is_allowed(ipaddress.ip_address("127.8.8.8"), HERE)


async def test_the_address_is_checked_when_the_connection_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = asyncio.Event()

    async def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _resolving(monkeypatch, "127.0.0.1")
    client = WebhookClient()
    try:
        answer = await client.post(f"https://hooks.example:{port}/", {}, b"{}")
    finally:
        await client.aclose()
        server.close()
    assert answer.status is None
    assert answer.problem == "hooks.example leads to 127.0.0.1, which is not public"
    assert not reached.is_set()


async def test_name_and_certificate_stay_those_of_the_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    asked: list[str] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("hooks.example").configure_cert(context)
    context.sni_callback = lambda _, name, __: asked.append(name)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.extend(line.partition(": ")[2] for line in head.splitlines() if line.startswith("Host"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    _resolving(monkeypatch, "127.0.0.1")
    client = WebhookClient(HERE)
    try:
        sent = await client.post(f"https://hooks.example:{port}/", {}, b"{}")
        other = await client.post(f"https://other.example:{port}/", {}, b"{}")
    finally:
        await client.aclose()
        server.close()
    assert (sent.status, sent.problem) == (200, None)
    assert asked[:2] == ["hooks.example", f"hooks.example:{port}"]
    assert other.status is None
    assert "other.example" in (other.problem or "")


def _resolving(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Have every name lead to `address`."""

    async def resolved(host: str, port: int, **_: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)


async def test_what_cannot_be_sent_to_is_refused_at_once(hooks: Hooks, database: Database) -> None:
    for wrong in (
        "ftp://a.example/",
        "https://user:secret@a.example/",
        "https:///x",
        "https://10.0.0.1/",
        "https://[::1/",
    ):
        answer = await hooks.call("POST", json={"url": wrong})
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["field"] == "url"
    assert (
        await hooks.call("POST", json={"url": "https://a.example/", "events": ["vrs.nothing.v1"]})
    ).status_code == 422
    assert (await hooks.api.call("GET", "/webhooks", Scope.PROJECTS_WRITE)).status_code == 403
    nobody = f"/{UUID(int=7)}"
    for method, path, body in (
        ("GET", nobody, None),
        ("PATCH", nobody, {"active": True}),
        ("DELETE", nobody, None),
        ("POST", f"{nobody}/secret", {}),
        ("GET", f"{nobody}/deliveries", None),
        ("POST", f"{nobody}/deliveries/1/retry", None),
    ):
        assert (await hooks.call(method, path, json=body)).status_code == 404, (method, path)
    async with running_api(database) as without:
        answer = await without.call("POST", "/webhooks", json={"url": "http://a.example/"})
        assert (answer.status_code, "VRS_WEBHOOK_KEY" in answer.json()["remedy"]) == (503, True)
    async with running_api(database, webhook_key=KEY) as public:
        assert (await public.call("POST", "/webhooks", json={"url": "http://a.example/"})).status_code == 422


async def test_a_webhook_ends_with_all_that_was_to_be_sent(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    await hooks.api.ordered()
    assert (await hooks.call("DELETE", f"/{hook['id']}")).status_code == 204
    assert await hooks.api.count("webhook_deliveries") == 0
    await hooks.api.ordered()
    assert await hooks.api.count("webhook_deliveries") == 0


def test_settings_name_a_wrong_key_or_network() -> None:
    urls = {"amqp_url": "amqp://x", "database_url": "postgresql://x/x"}
    for wrong in ({"webhook_key": "too short"}, {"webhook_networks": "10.0.0.0/99"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MarketplaceSettings(**urls, **wrong)  # type: ignore[arg-type]
    assert MarketplaceSettings(**urls, webhook_networks="127.0.0.0/8, ::1").webhook_networks[0] == HERE[0]  # type: ignore[arg-type]
