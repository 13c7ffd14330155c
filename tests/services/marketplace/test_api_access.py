"""Nobody gets in without a key, nobody beyond its scopes, nobody too often or with too much."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr

from ops.secrets import made_up
from shared.api_keys import list_keys, revoke_key
from shared.database import Database
from shared.models import Scope
from tests.services.marketplace.api import Api, an_order, running_api

SCOPES = {
    ("POST", "/projects"): Scope.PROJECTS_WRITE,
    ("GET", "/projects"): Scope.PROJECTS_READ,
    ("GET", "/projects/{project_id}"): Scope.PROJECTS_READ,
    ("GET", "/projects/{project_id}/log"): Scope.PROJECTS_READ,
    ("GET", "/projects/{project_id}/events"): Scope.PROJECTS_READ,
    ("GET", "/projects/{project_id}/cancellation"): Scope.PROJECTS_READ,
    ("POST", "/projects/{project_id}/cancellation"): Scope.PROJECTS_WRITE,
    ("POST", "/projects/{project_id}/retry"): Scope.PROJECTS_WRITE,
    ("GET", "/projects/{project_id}/domains"): Scope.PROJECTS_READ,
    ("POST", "/projects/{project_id}/domains"): Scope.PROJECTS_WRITE,
    ("PUT", "/projects/{project_id}/domains/primary"): Scope.PROJECTS_WRITE,
    ("DELETE", "/projects/{project_id}/domains/{domain}"): Scope.PROJECTS_WRITE,
    ("POST", "/projects/{project_id}/mail-domains"): Scope.PROJECTS_WRITE,
    ("GET", "/projects/{project_id}/mail-domains"): Scope.PROJECTS_READ,
    ("POST", "/projects/{project_id}/transfers"): Scope.PROJECTS_WRITE,
    ("GET", "/projects/{project_id}/transfers"): Scope.PROJECTS_READ,
    ("DELETE", "/projects/{project_id}/transfers/{domain}"): Scope.PROJECTS_WRITE,
    ("GET", "/projects/{project_id}/previews"): Scope.PREVIEWS,
    ("POST", "/projects/{project_id}/previews"): Scope.PREVIEWS,
    ("DELETE", "/projects/{project_id}/previews/{preview_id}"): Scope.PREVIEWS,
    ("GET", "/availability/slug"): Scope.PROJECTS_READ,
    ("GET", "/availability/domain"): Scope.PROJECTS_READ,
    ("GET", "/capacity"): Scope.PROJECTS_READ,
    ("GET", "/servers"): Scope.SERVERS_READ,
    ("POST", "/servers"): Scope.ADMIN,
    ("PATCH", "/servers/{name}"): Scope.ADMIN,
    ("DELETE", "/servers/{name}"): Scope.ADMIN,
    ("GET", "/base-domains"): Scope.SERVERS_READ,
    ("PUT", "/base-domains/{name}"): Scope.ADMIN,
    ("DELETE", "/base-domains/{name}"): Scope.ADMIN,
    ("POST", "/webhooks"): Scope.WEBHOOKS,
    ("GET", "/webhooks"): Scope.WEBHOOKS,
    ("GET", "/webhooks/{webhook_id}"): Scope.WEBHOOKS,
    ("PATCH", "/webhooks/{webhook_id}"): Scope.WEBHOOKS,
    ("DELETE", "/webhooks/{webhook_id}"): Scope.WEBHOOKS,
    ("POST", "/webhooks/{webhook_id}/secret"): Scope.WEBHOOKS,
    ("GET", "/webhooks/{webhook_id}/deliveries"): Scope.WEBHOOKS,
    ("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/retry"): Scope.WEBHOOKS,
}
BODIES = {
    "/projects": an_order(),
    "/projects/{project_id}/cancellation": {"reason": "twice"},
    "/projects/{project_id}/retry": {"reason": "mended"},
    "/projects/{project_id}/domains": {"domain": "x.example"},
    "/projects/{project_id}/domains/primary": {"domain": "x.example"},
}


@pytest.fixture
async def unlimited(database: Database) -> AsyncIterator[Api]:
    key = SecretStr(made_up())
    async with running_api(database, api_rate_limit=100_000, webhook_key=key, transfer_key=key) as api:
        yield api


def routes(api: Api) -> Iterator[tuple[str, str]]:
    """Every route of the API, whatever it is for, without those of vrs-core, which has tokens of its own."""
    routers = [each.original_router for each in api.app.routes if hasattr(each, "original_router")]
    for route in (route for router in (api.app.router, *routers) for route in router.routes):
        if isinstance(route, APIRoute) and route.path.startswith("/api/v1/") and "/core/" not in route.path:
            for method in sorted(route.methods or ()):
                yield method, route.path.removeprefix("/api/v1")


def filled(path: str) -> str:
    for name, value in {
        "project_id": str(uuid4()),
        "webhook_id": str(uuid4()),
        "name": "x.example",
        "domain": "x.example",
    }.items():
        path = path.replace(f"{{{name}}}", value)
    path = re.sub(r"{\w+_id}", "1", path)
    return path + {
        "/availability/slug": "?name=a&base_domain=a.example",
        "/availability/domain": "?domain=a.example",
    }.get(path, "")


async def test_every_route_asks_for_a_key_and_for_its_scope(unlimited: Api) -> None:
    api = unlimited
    assert {*routes(api)} == SCOPES.keys()
    for (method, path), needed in SCOPES.items():
        for key in (None, "vrs_0123456789ab_" + "x" * 43, "nonsense", *Scope):
            answer = await api.call(
                method, filled(path), key, json=BODIES.get(path, {}), headers={"Idempotency-Key": uuid4().hex}
            )
            where = (method, path, key, answer.text)
            if not isinstance(key, Scope):
                assert answer.status_code == 401, where
                assert answer.headers["www-authenticate"] == "Bearer"
            elif key in (needed, Scope.ADMIN):
                assert answer.status_code not in (401, 403), where
                assert answer.status_code < 500, where
            else:
                assert answer.status_code == 403, where
                assert f"lacks the scope {needed.value}" in answer.json()["detail"]
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json", where


async def test_a_key_ends_when_it_is_revoked_and_when_its_time_is_over(api: Api) -> None:
    short = await api.key(Scope.PROJECTS_READ, lifetime=timedelta(hours=1))
    assert (await api.call("GET", "/projects", short)).status_code == 200
    await api.sql("UPDATE api_keys SET expires_at = now() WHERE expires_at IS NOT NULL")
    assert (await api.call("GET", "/projects", short)).status_code == 401
    revoked = await api.key(Scope.PROJECTS_READ)
    async with api.database.engine.begin() as connection:
        assert await revoke_key(connection, revoked.split("_")[1])
        assert not await revoke_key(connection, revoked.split("_")[1])
    assert (await api.call("GET", "/projects", revoked)).status_code == 401


async def test_of_a_key_only_a_hash_is_kept_and_any_other_secret_is_refused(api: Api) -> None:
    key = await api.key(Scope.PROJECTS_READ)
    parts = re.fullmatch(r"vrs_([0-9a-f]{12})_(.{43})", key)
    assert parts is not None
    public_id, secret = parts.groups()
    rows = await api.sql(
        "SELECT CAST(k AS text) AS row, position(:secret IN encode(secret_hash, 'escape')) FROM api_keys k",
        secret=secret,
    )
    assert not any(secret in row or found for row, found in rows)
    wrong = f"vrs_{public_id}_{secret[:-2]}{'AA' if secret[-2:] != 'AA' else 'BB'}"
    assert (await api.call("GET", "/projects", wrong)).status_code == 401
    async with api.database.engine.connect() as connection:
        [unused] = [line for line in await list_keys(connection) if line.public_id == public_id]
    assert unused.last_used_at is None
    assert (await api.call("GET", "/projects", key)).status_code == 200
    async with api.database.engine.connect() as connection:
        [used] = [line for line in await list_keys(connection) if line.public_id == public_id]
    assert used.last_used_at is not None


async def test_who_asks_too_often_is_told_when_to_come_back_and_nobody_else_is(database: Database) -> None:
    async with running_api(database, api_rate_limit=3) as api:
        answers = [await api.call("GET", "/projects", Scope.PROJECTS_READ) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert (await api.call("GET", "/projects", Scope.ADMIN)).status_code == 200


async def test_a_body_that_is_too_large_is_refused_whatever_it_says_of_itself(api: Api) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 20_000

    for content in (b" " * 70_000, pieces()):
        answer = await api.call("POST", "/projects", content=content, headers={"Idempotency-Key": uuid4().hex})
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
        assert "more than 65536 bytes" in answer.json()["detail"]
