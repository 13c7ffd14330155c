"""The order API over HTTP, with keys of every scope, and what stands in the database behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text

from services.marketplace.settings import MarketplaceSettings
from services.marketplace.web import web
from shared.api_keys import create_key
from shared.database import Database
from shared.models import Scope
from simulators.serving import running_app

BASE = "vrs.example"


def an_order(**changes: Any) -> dict[str, Any]:
    order = {
        "slug": f"p-{uuid4().hex[:12]}",
        "base_domain": BASE,
        "plan": "starter",
        "plugins": [{"name": "crm", "version": "2.4.1"}],
        "customer": {"name": "Erika Muster", "email": "erika@muster.example"},
    }
    return {name: value for name, value in (order | changes).items() if value is not None}


@dataclass
class Api:
    """A client of the running API; calls present the key of the scope that they name."""

    database: Database
    app: FastAPI
    http: httpx.AsyncClient
    keys: dict[Scope, str] = field(default_factory=dict)

    async def key(self, *scopes: Scope, **options: Any) -> str:
        async with self.database.engine.begin() as connection:
            return await create_key(connection, f"key {uuid4().hex[:8]}", scopes, by="tests", **options)

    async def call(
        self, method: str, path: str, key: str | Scope | None = Scope.ADMIN, **options: Any
    ) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {self.keys[key] if isinstance(key, Scope) else key}"
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **options)

    async def order(self, order: dict[str, Any] | None = None, idempotency: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": idempotency or uuid4().hex}
        return await self.call("POST", "/projects", json=order or an_order(), headers=headers)

    async def ordered(self, **changes: Any) -> UUID:
        answer = await self.order(an_order(**changes))
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    async def sql(self, statement: str, **parameters: Any) -> list[Any]:
        async with self.database.engine.begin() as connection:
            result = await connection.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []

    async def count(self, table: str) -> int:
        return int((await self.sql(f"SELECT count(*) FROM {table}"))[0][0])

    async def log(self, project_id: UUID, message: str, status: str = "waiting") -> None:
        await self.sql(
            "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message,"
            " detail, started_at, duration_ms) VALUES (:id, 'dns', 'dns.project-ordered', 'x',"
            " CAST(:status AS log_status), 1, gen_random_uuid(), :message, '{}', now(), 1)",
            id=project_id,
            message=message,
            status=status,
        )


@asynccontextmanager
async def running_api(database: Database, amqp_url: str = "amqp://127.0.0.1:1/", **settings: Any) -> AsyncIterator[Api]:
    configured = MarketplaceSettings(
        amqp_url=SecretStr(amqp_url),
        database_url=SecretStr("postgresql://unused/x"),
        **{"offer_seconds": 0.0} | settings,
    )
    app = web(database, configured)
    async with (
        running_app(app) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http,
    ):
        api = Api(database, app, http)
        await api.sql("INSERT INTO base_domains (name) VALUES (:base) ON CONFLICT DO NOTHING", base=BASE)
        api.keys = {scope: await api.key(scope) for scope in Scope}
        yield api
