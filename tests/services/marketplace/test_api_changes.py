"""What programs change stands in the log of changes under their keys' names, in the same commit, or is not done."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from ops.secrets import made_up
from shared.database import Database
from shared.models import Scope
from tests.choreography.facts import OWNER
from tests.services.marketplace.api import Api, an_order, running_api
from tests.services.marketplace.test_api_access import SCOPES

SERVER = {"name": "srv-1", "coolify_uuid": "u1", "region": "fsn1", "ipv4": "203.0.113.9", "capacity": 40}
HOOK = {"url": "https://shop.example/hooks/secret-path"}
CHANGES: list[tuple[str, str, Any, str | None]] = [
    ("POST", "/projects", an_order(slug="zweiter"), "ordered"),
    ("POST", "/projects/{project_id}/domains", {"domain": "sommer.example"}, "project domain added"),
    ("PUT", "/projects/{project_id}/domains/primary", {"domain": "sommer.example"}, "primary changed"),
    ("POST", "/projects/{project_id}/mail-domains", {"domain": "sommer.example"}, "mail domain asked"),
    ("DELETE", "/projects/{project_id}/domains/{domain}", None, "project domain removed"),
    (
        "POST",
        "/projects/{project_id}/transfers",
        {
            "domain": "sommer.example",
            "auth_code": "code-4711",
            "registrant": OWNER.model_dump(mode="json"),
            "max_cents": 1500,
        },
        "transfer asked",
    ),
    ("DELETE", "/projects/{project_id}/transfers/{domain}", None, "transfer withdrawn"),
    ("POST", "/projects/{project_id}/previews", {}, "preview made"),
    ("DELETE", "/projects/{project_id}/previews/{preview_id}", None, "preview ended"),
    ("POST", "/servers", SERVER, "server added"),
    ("PATCH", "/servers/{name}", {"state": "draining"}, "server moved"),
    ("DELETE", "/servers/{name}", None, "server removed"),
    ("PUT", "/base-domains/{name}", None, "domain added"),
    ("PUT", "/base-domains/{name}", None, None),  # it is there already
    ("DELETE", "/base-domains/{name}", None, "domain removed"),
    ("POST", "/webhooks", HOOK, "webhook made"),
    ("PATCH", "/webhooks/{webhook_id}", {"active": False}, "webhook changed"),
    ("POST", "/webhooks/{webhook_id}/secret", {}, "webhook secret changed"),
    ("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/retry", None, "delivery retried"),
    ("DELETE", "/webhooks/{webhook_id}", None, "webhook removed"),
    ("POST", "/projects/{project_id}/cancellation", {"reason": "twice"}, "cancelled"),
]
RETRY = ("POST", "/projects/{project_id}/retry")
"""Is looked at beside real dead letters, in test_api_projects.py."""

NO_MORE_LINES = """
    CREATE FUNCTION no_more_lines() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the log is full'; END $$;
    CREATE TRIGGER no_more_lines BEFORE INSERT ON staff_actions EXECUTE FUNCTION no_more_lines()
"""
TABLES = (
    *("projects", "project_orders", "order_answers", "project_domains", "added_domains", "domain_transfers"),
    *("transfer_withdrawals", "said_events"),
    *("preview_accesses", "servers", "base_domains", "webhook_endpoints", "webhook_deliveries", "cancellations"),
    *("outbox", "staff_actions"),
)
EVERYTHING = "SELECT " + ", ".join(f"(SELECT json_agg(t)::text FROM (TABLE {table}) t)" for table in TABLES)


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    key = SecretStr(made_up())
    async with running_api(database, webhook_key=key, transfer_key=key) as api:
        yield api


async def test_every_change_of_a_program_is_written_down_under_its_key_or_not_done(api: Api) -> None:
    project_id = await api.ordered(slug="erster")
    await api.sql("UPDATE projects SET provisioning_state = 'live' WHERE vrs_id = :id", id=project_id)
    for statement in NO_MORE_LINES.split(";\n"):
        await api.sql(statement)
    ids = {"project_id": str(project_id), "domain": "sommer.example"}
    expected = ["ordered"]
    for method, route, body, kind in CHANGES:
        name = "srv-1" if route.startswith("/servers") else "new.example"
        if kind is not None:
            before = await api.sql(EVERYTHING)
            refused = await change(api, method, route, ids | {"name": name}, body)
            assert (refused.status_code, await api.sql(EVERYTHING) == before) == (503, True), (method, route)
        await api.sql("ALTER TABLE staff_actions DISABLE TRIGGER no_more_lines")
        answer = await change(api, method, route, ids | {"name": name}, body)
        assert answer.status_code < 300, (method, route, answer.text)
        await api.sql("ALTER TABLE staff_actions ENABLE TRIGGER no_more_lines")
        expected += [kind] if kind else []
        ids |= await made(api, answer) if route == "/webhooks" else {}
        ids |= {"preview_id": str(answer.json()["id"])} if route.endswith("/previews") else {}
    lines = await api.sql("SELECT kind::text, by, project_id, a::text FROM staff_actions a ORDER BY id")
    assert [line.kind for line in lines] == expected
    assert all(re.fullmatch(r"key [0-9a-f]{8} \(API\)", line.by) for line in lines)
    assert {line.project_id for line in lines if "project" in line.kind or line.kind == "cancelled"} == {project_id}
    secrets = ("code-4711", "secret-path", "erika@", OWNER.street)
    assert not [line for line in lines if any(secret in line.a for secret in secrets)]


async def change(api: Api, method: str, route: str, ids: dict[str, str], body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": "one-and-the-same"}
    return await api.call(method, route.format_map(ids), Scope.ADMIN, json=body, headers=headers)


async def made(api: Api, answer: httpx.Response) -> dict[str, str]:
    """The webhook that was made, with an event that was sent to it."""
    webhook_id = UUID(answer.json()["id"])
    [[delivery]] = await api.sql(
        "INSERT INTO webhook_deliveries (endpoint_id, event_id, type, body, state, due_at, tries)"
        " VALUES (:id, gen_random_uuid(), 'vrs.core.healthy.v1', '{}', 'failed', now(), '[]') RETURNING id",
        id=webhook_id,
    )
    return {"webhook_id": str(webhook_id), "delivery_id": str(delivery)}


def test_every_route_that_changes_something_is_looked_at() -> None:
    changing = {(method, route) for method, route in SCOPES if method != "GET"}
    assert {(method, route) for method, route, *_ in CHANGES} | {RETRY} == changing
