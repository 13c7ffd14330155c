"""No webhook goes behind our firewall, whatever a name means; and what goes out says whom it is for."""

import asyncio
import ipaddress
import socket
import ssl
from typing import Any

import pytest
import trustme

from services.marketplace.settings import MarketplaceSettings
from services.marketplace.webhooks.guard import is_allowed
from services.marketplace.webhooks.send import WebhookClient
from tests.services.marketplace.hooks import HERE

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


def test_settings_name_a_wrong_key_or_network() -> None:
    urls = {"amqp_url": "amqp://x", "database_url": "postgresql://x/x"}
    for wrong in ({"webhook_key": "too short"}, {"webhook_networks": "10.0.0.0/99"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MarketplaceSettings.model_validate(urls | wrong)
    right = MarketplaceSettings.model_validate(urls | {"webhook_networks": "127.0.0.0/8, ::1"})
    assert right.webhook_networks[0] == HERE[0]
