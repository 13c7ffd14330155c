"""Customers' cores behind one proxy, and a client that trusts it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.bootstrap.core import Core, core_http
from simulators.core import Core as RunningCore
from simulators.core import running_core


class Cores:
    """The simulator as a test sees it, and the client under test beside it."""

    def __init__(self, running: RunningCore, desk: httpx.AsyncClient, core: Core) -> None:
        self.running = running
        self.desk = desk
        self.core = core

    async def start(self, plugins: str = "", *, boot_seconds: float = 0, key: str | None = None) -> str:
        await self.control(boot_seconds=boot_seconds)
        host = f"{uuid4().hex[:12]}.vrs.example"
        app = {"fqdn": host, "image": "core", "tag": "1.4.2", "server_ip": "203.0.113.10"}
        env = {"VRS_PLUGINS": plugins} | ({"VRS_PROJECT_KEY": key} if key else {})
        answer = await self.desk.post(f"{self.running.url}/_apps", json=app | {"env": env})
        assert answer.status_code == 201, answer.text
        return host

    async def control(self, **wanted: Any) -> None:
        answer = await self.desk.post(self.running.control_url, json=wanted)
        assert answer.status_code == 200, answer.text

    async def broken(self, host: str, kind: str, **details: Any) -> None:
        await self.control(app_fault={"fqdn": host, "kind": kind, **details})


@pytest.fixture(scope="module")
async def cores() -> AsyncIterator[Cores]:
    async with running_core() as running, httpx.AsyncClient() as desk, core_http(running.ca_file) as http:
        yield Cores(running, desk, Core(http, connect=running.https_address))
