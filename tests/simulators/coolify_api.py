"""The Coolify simulator as its tests see it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx

from simulators.coolify import Coolify

SERVER = "srv0000000000000000000001"
PROJECT = "prj0000000000000000000001"
LIVE = ("queued", "in_progress")


class Api:
    """The simulator as a test sees it, with a token of every ability."""

    def __init__(self, running: Coolify, http: httpx.AsyncClient) -> None:
        self.running = running
        self.http = http

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        own = {"Authorization": f"Bearer {self.running.token}", "Accept": "application/json"}
        own |= {name.title(): value for name, value in headers.items()}
        return await self.http.request(method, f"{self.running.url}/api/v1{path}", json=body, headers=own)

    async def control(self, **wanted: Any) -> httpx.Response:
        return await self.http.post(self.running.control_url, json=wanted)

    async def state(self) -> Any:
        return (await self.http.get(f"{self.running.url}/_state")).json()

    async def create(self, **fields: Any) -> httpx.Response:
        return await self.ask("POST", "/applications/dockerimage", application(**fields))

    async def created(self, **fields: Any) -> str:
        answer = await self.create(**fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["uuid"])

    async def deploy(self, uuid: str, *, force: bool = False) -> str:
        answer = await self.ask("POST", "/deploy", {"uuid": uuid, "force": force})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["deployments"][0]["deployment_uuid"])

    async def status(self, path: str) -> str:
        answer = await self.ask("GET", path)
        return str(answer.json()["status"]) if answer.status_code == 200 else str(answer.status_code)

    async def ended(self, deployment: str) -> str:
        path = f"/deployments/{deployment}"
        await until(lambda: self._is(path, lambda status: status not in LIVE))
        return await self.status(path)

    async def shows(self, path: str, *expected: str) -> None:
        await until(lambda: self._is(path, lambda status: status in expected))

    async def _is(self, path: str, wanted: Callable[[str], bool]) -> bool:
        return wanted(await self.status(path))


def application(**fields: Any) -> dict[str, Any]:
    name = f"t-{uuid4().hex[:8]}-web"
    return {
        "project_uuid": PROJECT,
        "server_uuid": SERVER,
        "environment_name": "production",
        "name": name,
        "docker_registry_image_name": "ghcr.io/acme/web",
        "docker_registry_image_tag": "1.4.2",
        "ports_exposes": "8080",
        "domains": f"https://{name}.example.com",
        "health_check_enabled": True,
    } | fields


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110 - a poll: what it waits for is behind HTTP
            await asyncio.sleep(0.01)
