"""The real marketplace over HTTP, with its database: what a vrs-core gets of it, and what a test does to it."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from contracts import Locale, Plugin
from contracts.core import RELEASE_TYPE, PluginRelease
from contracts.signatures import sign, written
from services.marketplace.core_tokens import hashed
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.web import web
from shared.database import Database
from shared.licenses import end, grant
from shared.models import Project, ProjectOrder, ProvisioningState
from shared.plugins.archive import read_release
from shared.plugins.registry import publish, yank
from simulators.serving import running_app
from tests.services.core.shop import archive

BASIC = {"core": ">=1,<2"}


@dataclass
class Market:
    """A live project with a bootstrap token, and the registry. Archives are written to `folder`."""

    database: Database
    folder: Path
    manifest_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    plugin_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    project: UUID = field(default_factory=uuid4)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    url: str = ""

    async def open(self, hours: float = 24.0) -> None:
        """Write what dns and deploy write of an order."""
        order = {
            "project_id": self.project,
            "correlation_id": self.project,
            "slug": "a",
            "fqdn": "a.vrs.example",
            "project_type": "vrs-core",
            "plan": "starter",
            "plugins": [],
            "locale": Locale.DE,
            "customer_name": "Anna",
            "customer_email": "anna@example.org",
            "ordered_at": text("now()"),
        }
        project = {"vrs_id": self.project, "name": "a", "slug": "a", "provisioning_state": ProvisioningState.LIVE}
        async with self.database.engine.begin() as connection:
            await connection.execute(insert(Project).values(project))
            await connection.execute(insert(ProjectOrder).values(order))
        await self.sql(
            "INSERT INTO core_tokens (token_hash, project_id, expires_at) "
            "VALUES (:hash, :project, now() + make_interval(mins => CAST(:minutes AS int)))",
            hash=hashed(self.token),
            project=self.project,
            minutes=int(hours * 60),
        )

    async def publish(self, name: str, version: str = "1.0.0", *requires: str, **facts: Any) -> PluginRelease:
        """Publish a small plugin; `files` and `key` are no facts of its plugin.toml."""
        files: Mapping[str, str | bytes] = facts.pop("files", {})
        key: Ed25519PrivateKey = facts.pop("key", self.plugin_key)
        module = name.replace("-", "_")
        told = {"name": name, "version": version, "entry_point": f"{module}:VERSION", **BASIC, **facts}
        lines = [*(f'{key} = "{value}"' for key, value in told.items()), f"requires = {list(requires)!r}"]
        path = self.folder / f"{name}-{version}.zip"
        content = {f"{module}.py": f"VERSION = {version!r}\n", "plugin.toml": "\n".join(["[plugin]", *lines])}
        path.write_bytes(archive({**content, **files}))
        return await self.publish_file(path, key)

    async def publish_file(self, path: Path, key: Ed25519PrivateKey | None = None) -> PluginRelease:
        signed = sign([key or self.plugin_key], RELEASE_TYPE, read_release(path))
        trusted = [(key or self.plugin_key).public_key()]
        async with AsyncSession(self.database.engine) as session, session.begin():
            return await publish(session, path, signed, trusted=trusted, by="publisher")

    async def license(self, *plugins: str) -> None:
        """License the project for ``name==version``."""
        async with self.database.engine.begin() as connection:
            for plugin in plugins:
                name, _, version = plugin.partition("==")
                await grant(connection, self.project, Plugin(name=name, version=version or "1.0.0"))

    async def end(self, plugin: str) -> None:
        async with self.database.engine.begin() as connection:
            await end(connection, self.project, plugin)

    async def yank(self, name: str, version: str, because: str) -> None:
        async with AsyncSession(self.database.engine) as session, session.begin():
            await yank(session, name, version, because=because)

    async def downloads(self) -> list[tuple[str, str, int, str]]:
        """Each download: plugin, version, first byte, outcome."""
        rows = await self.sql("SELECT plugin, version, start, outcome FROM plugin_downloads ORDER BY id")
        return [tuple(row) for row in rows]

    async def get(self, path: str, token: str | None = None, **headers: str) -> httpx.Response:
        """Ask as vrs-core does; "" presents no token."""
        token = self.token if token is None else token
        given = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as http:
            return await http.get(f"/api/v1/core/{path}", headers=given | headers)

    async def sql(self, statement: str, **parameters: Any) -> list[Any]:
        async with self.database.engine.begin() as connection:
            result = await connection.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []


@asynccontextmanager
async def open_market(
    database: Database, folder: Path, *manifest_keys: Ed25519PrivateKey, host: str = "127.0.0.1"
) -> AsyncIterator[Market]:
    """Serve the marketplace; with `manifest_keys` each of them signs its manifests."""
    market = Market(database, folder)
    keys = ",".join(written(key) for key in manifest_keys or (market.manifest_key,))
    settings = MarketplaceSettings(
        amqp_url=SecretStr("amqp://unused"),
        database_url=SecretStr("postgresql://unused/x"),
        manifest_key=SecretStr(keys),
    )
    async with running_app(web(database, settings), host=host) as port:
        market.url = f"http://{host}:{port}"
        await market.open()
        yield market
