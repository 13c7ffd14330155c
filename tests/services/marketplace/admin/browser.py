"""A browser without JavaScript for the admin UI, in this process: cookies, forms with their tokens, redirects."""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
from cryptography.fernet import Fernet
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import insert, text
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from services.marketplace.settings import MarketplaceSettings
from services.marketplace.web import web
from shared.database import Database
from shared.models import StaffRole, StaffSession, StaffUser
from shared.staff import hash_of

PASSWORD = "correct horse battery"
HOST = "http://desk.example"
TRANSFER_KEY = SecretStr(Fernet.generate_key().decode())
_TOKEN = re.compile(r'name="csrftoken" value="([^"]+)"')


@cache
def hashed() -> str:
    return hash_of("", PASSWORD)


@dataclass
class Browser:
    """A browser; `page` is the text of what it shows."""

    http: httpx.AsyncClient
    page: str = ""
    forms: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> httpx.Response:
        answer = await self.http.get(f"/admin{path}")
        self.page = answer.text
        return answer

    async def send(self, path: str, data: Mapping[str, Any] | None = None, *, on: str = "/me") -> httpx.Response:
        """Send a form, with the token of the page `on`; return the answer itself, which is a redirect mostly."""
        token = _TOKEN.search((await self.http.get(f"/admin{on}")).text)
        assert token, on
        return await self.http.post(f"/admin{path}", data={"csrftoken": token[1]} | dict(data or {}))

    async def follow(self, path: str, data: Mapping[str, Any] | None = None, *, on: str = "/me") -> httpx.Response:
        """Send a form and go where its answer leads."""
        answer = await self.send(path, data, on=on)
        assert answer.status_code == 303, answer.text
        answer = await self.http.get(answer.headers["location"])
        self.page = answer.text
        return answer


@dataclass
class Desk:
    """The admin UI over a database, and somebody for each role."""

    database: Database
    app: FastAPI

    def browser(self) -> Browser:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {"Sec-Fetch-Site": "same-origin"}
        return Browser(httpx.AsyncClient(transport=transport, base_url=HOST, headers=headers, timeout=60))

    async def signed_in(self, role: StaffRole = StaffRole.CASE_WORKER, language: str = "en") -> Browser:
        """A browser in which somebody of `role` is signed in: past the sign-in, which costs a hash."""
        token = f"{role.value}-session"
        expires = datetime.now(UTC) + timedelta(hours=1)
        row = {"token_hash": hashlib.sha256(token.encode()).digest(), "user_name": role.value, "expires_at": expires}
        await self.sql("DELETE FROM staff_sessions WHERE user_name = :name", name=role.value)
        async with self.database.engine.begin() as connection:
            await connection.execute(insert(StaffSession).values(row))
        browser = self.browser()
        browser.http.cookies.set("vrs_staff", token)
        browser.http.cookies.set("language", language)
        return browser

    async def sql(self, statement: str, **parameters: Any) -> list[Any]:
        async with self.database.engine.begin() as connection:
            result = await connection.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []

    def routes(self) -> list[tuple[str, str]]:
        """Every route of the admin UI: method and path."""
        [mount] = [route for route in self.app.routes if isinstance(route, Mount) and route.name == "admin"]
        assert isinstance(mount.app, Starlette)
        found = [route for route in mount.app.routes if isinstance(route, Route)]
        return [(method, route.path) for route in found for method in sorted((route.methods or set()) - {"HEAD"})]


@asynccontextmanager
async def opened(database: Database, amqp_url: str = "amqp://127.0.0.1:1/", **settings: Any) -> AsyncIterator[Desk]:
    configured = MarketplaceSettings(
        amqp_url=SecretStr(amqp_url),
        database_url=SecretStr("postgresql://unused/x"),
        **{"offer_seconds": 0.0} | settings,
    )
    async with database.engine.begin() as connection:
        people = [
            {"name": role.value, "role": role, "password_hash": hashed(), "created_by": "t"} for role in StaffRole
        ]
        await connection.execute(insert(StaffUser).values(people))
        await connection.execute(text("INSERT INTO base_domains (name) VALUES ('vrs.example') ON CONFLICT DO NOTHING"))
    yield Desk(database, web(database, configured))
