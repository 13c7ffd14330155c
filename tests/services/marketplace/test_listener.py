"""Where the marketplace listens: without it nobody is served, however well the rest does."""

import socket

import httpx
import pytest

from services.marketplace.app import marketplace
from shared.database import Database
from shared.messaging.runtime import running
from tests.shared.messaging.harness import until


async def test_a_marketplace_whose_port_is_taken_is_not_ready_until_it_has_it(
    database: Database, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = {"AMQP_URL": amqp_url, "DATABASE_URL": database.listen_url, "HTTP_PORT": str(port)}
        for name, value in (settings | {"HTTP_HOST": "127.0.0.1"}).items():
            monkeypatch.setenv(f"VRS_{name}", value)
        async with marketplace() as service, running(service, database, amqp_url=amqp_url) as runtime:
            taken = f"HTTP: nothing listens on 127.0.0.1:{port}: Address already in use"
            await until(lambda: any(reason.startswith(taken) for reason in runtime.not_ready))
            other.close()
            await until(lambda: not runtime.not_ready)
            async with httpx.AsyncClient(trust_env=False) as http:
                answer = await http.get(f"http://127.0.0.1:{port}/api/v1/openapi.json")
            assert answer.status_code == 200
