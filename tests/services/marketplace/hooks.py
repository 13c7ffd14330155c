"""The API with a receiver of webhooks, and what carries them from the one to the other."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ops.secrets import made_up
from services.marketplace.webhooks.deliver import delivering
from services.marketplace.webhooks.secrets import Seal
from services.marketplace.webhooks.send import WebhookClient
from shared.database import Database
from shared.models import Scope
from simulators.serving import running_app
from tests.services.marketplace.api import Api, running_api
from tests.shared.messaging.harness import until

KEY = SecretStr(made_up())
HERE = (ipaddress.ip_network("127.0.0.0/8"),)


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
        run = delivering(self.api.database, Seal(KEY), client)
        work = asyncio.ensure_future(run(None))  # type: ignore[arg-type]  # it needs no kernel
        try:
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await client.aclose()


@asynccontextmanager
async def running_hooks(database: Database) -> AsyncIterator[Hooks]:
    receiver = Receiver()
    app = Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])])
    async with running_api(database, webhook_key=KEY, webhook_networks=HERE) as api, running_app(app) as port:
        receiver.url = f"http://127.0.0.1:{port}/hook"
        yield Hooks(api, receiver)
