"""Webhooks: what is committed is sent, signed, tried again, given up; and nothing is sent behind our firewall."""

import asyncio
import json
from typing import Any
from uuid import UUID

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.responses import Response

from contracts import ProjectOrdered, WebhookDisabled, decode
from services.marketplace.webhooks.deliver import PAUSES
from shared.database import Database
from shared.models import Scope
from tests.services.marketplace.api import an_order, running_api
from tests.services.marketplace.hooks import KEY, Hooks
from tests.shared.messaging.harness import until

ORDERED, CANCELLED = "vrs.project.ordered.v1", "vrs.project.cancelled.v1"


def verify(secret: str, got: tuple[dict[str, str], bytes]) -> Any:
    headers, body = got
    return Webhook(secret).verify(body, headers)


async def test_an_event_reaches_who_has_subscribed_to_it_signed_and_as_it_was_said(hooks: Hooks) -> None:
    ordered = await hooks.subscribe(events=[ORDERED])
    everything = await hooks.subscribe()
    async with hooks.delivering():
        project_id = await hooks.api.ordered()
        await hooks.api.call("POST", f"/projects/{project_id}/cancellation", json={"reason": "x"})
        await until(lambda: len(hooks.receiver.got) == 3, within=30)
        await hooks.becomes(ordered, "delivered")
    for got in hooks.receiver.got:
        headers, body = got
        event = json.loads(body)
        assert headers["content-type"] == "application/cloudevents+json"
        assert headers["webhook-id"] == event["id"]
        secrets = [ordered["secret"], everything["secret"]]
        assert sum(_verifies(secret, got) for secret in secrets) == 1
        if event["type"] == ORDERED:
            assert decode(body, ProjectOrdered).subject == project_id
    assert sorted(json.loads(body)["type"] for _, body in hooks.receiver.got) == [CANCELLED, ORDERED, ORDERED]
    [only] = await hooks.deliveries(ordered)
    assert (only["state"], only["tries"][0]["status"]) == ("delivered", 204)
    assert (await hooks.call("GET", f"/{ordered['id']}")).json()["last_delivered_at"]
    assert len(await hooks.deliveries(everything)) == 2


def _verifies(secret: str, got: tuple[dict[str, str], bytes]) -> bool:
    try:
        verify(secret, got)
    except WebhookVerificationError:
        return False
    return True


async def test_what_is_not_committed_is_not_sent(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    await hooks.api.ordered(slug="vergeben")
    assert (await hooks.api.order(an_order(slug="vergeben"))).status_code == 409
    assert len(await hooks.deliveries(hook)) == 1


async def test_an_old_secret_signs_as_long_as_it_was_told_to(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    path = f"/{hook['id']}/secret"
    new = (await hooks.call("POST", path, json={"hours": 1})).json()
    assert new["previous_secret_until"]
    async with hooks.delivering():
        await hooks.api.ordered()
        await hooks.becomes(hook, "delivered")
        for secret in (hook["secret"], new["secret"]):
            verify(secret, hooks.receiver.got[0])
        newest = (await hooks.call("POST", path, json={"hours": 0})).json()
        await hooks.api.ordered()
        await until(lambda: len(hooks.receiver.got) == 2, within=30)
    verify(newest["secret"], hooks.receiver.got[1])
    assert not _verifies(new["secret"], hooks.receiver.got[1])
    kept: list[Any] = await hooks.api.sql("SELECT convert_from(secret, 'UTF8') FROM webhook_endpoints")
    assert not any("whsec_" in row[0] or newest["secret"][6:] in row[0] for row in kept)


async def test_a_failure_is_tried_again_under_the_same_id_and_later_if_it_is_asked_for(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    hooks.receiver.answer = lambda: Response("busy", 503, {"Retry-After": "7200"})
    async with hooks.delivering():
        await hooks.api.ordered()
        failed = await hooks.becomes(hook, "pending")
        assert failed["tries"][0]["problem"] == "answered 503"
        [[wait]] = await hooks.api.sql("SELECT extract(epoch FROM due_at - now()) FROM webhook_deliveries")
        assert 7000 < wait <= 7200
        hooks.receiver.answer = lambda: Response(status_code=301, headers={"Location": hooks.receiver.url})
        await hooks.let_time_pass()
        await hooks.becomes(hook, "pending", tries=2)
        hooks.receiver.answer = Response
        await hooks.let_time_pass()
        await hooks.becomes(hook, "delivered", tries=3)
    assert len({headers["webhook-id"] for headers, _ in hooks.receiver.got}) == 1
    assert len(hooks.receiver.got) == 3
    [again] = await hooks.deliveries(hook, "?state=delivered")
    sent_again = await hooks.call("POST", f"/{hook['id']}/deliveries/{again['id']}/retry")
    assert (sent_again.status_code, sent_again.json()["state"]) == (202, "pending")


async def test_an_endpoint_that_fails_for_days_is_switched_off_and_goes_on_when_it_is_switched_on(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    hooks.receiver.answer = lambda: Response(status_code=500)
    await hooks.api.ordered()
    tries = json.dumps(
        [{"at": "2026-03-02T09:20:00Z", "status": 500, "problem": "answered 500", "ms": 1}] * len(PAUSES)
    )
    await hooks.api.sql("UPDATE webhook_deliveries SET tries = CAST(:tries AS jsonb)", tries=tries)
    async with hooks.delivering():
        await hooks.becomes(hook, "failed", tries=len(PAUSES) + 1)
        off = (await hooks.call("GET", f"/{hook['id']}")).json()
        assert off["disabled_at"]
        assert off["disabled_reason"] == "nothing was delivered for three days; at last: answered 500"
        await hooks.api.ordered()
        assert len(await hooks.deliveries(hook)) == 1
        hooks.receiver.answer = Response
        on = (await hooks.call("PATCH", f"/{hook['id']}", json={"active": True})).json()
        assert (on["disabled_at"], on["disabled_reason"]) == (None, None)
        await hooks.api.ordered()
        await until(lambda: len(hooks.receiver.got) == 2, within=30)
        hooks.receiver.answer = lambda: Response(status_code=410)
        await hooks.api.ordered()

        async def is_off() -> bool:
            return bool((await hooks.call("GET", f"/{hook['id']}")).json()["disabled_at"])

        await until(is_off, within=30)
    assert (await hooks.call("GET", "")).json()["webhooks"][0]["disabled_reason"].endswith("410: it is gone")
    said = [
        decode(row.body, WebhookDisabled)
        for row in await hooks.api.sql("SELECT body FROM outbox WHERE routing_key = 'webhook.disabled.v1' ORDER BY id")
    ]
    assert [str(event.data.endpoint) for event in said] == [hook["id"]] * 2  # once for each time
    assert {(event.data.host, event.subject) for event in said} == {("127.0.0.1", UUID(int=0))}
    assert said[0].data.reason == off["disabled_reason"]


async def test_whoever_is_killed_with_a_delivery_in_hand_has_it_sent_again(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    await hooks.api.ordered()
    hooks.receiver.held = asyncio.Event()
    async with hooks.delivering():
        await until(lambda: hooks.receiver.got, within=30)
    hooks.receiver.held.set()
    assert (await hooks.deliveries(hook))[0]["state"] == "pending"
    await hooks.let_time_pass()
    async with hooks.delivering():
        await hooks.becomes(hook, "delivered")
    assert len({headers["webhook-id"] for headers, _ in hooks.receiver.got}) == 1


async def test_what_cannot_be_sent_to_is_refused_at_once(hooks: Hooks, database: Database) -> None:
    for wrong in (
        "ftp://a.example/",
        "https://user:secret@a.example/",
        "https:///x",
        "https://10.0.0.1/",
        "https://[::1/",
    ):
        answer = await hooks.call("POST", json={"url": wrong})
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["field"] == "url"
    assert (
        await hooks.call("POST", json={"url": "https://a.example/", "events": ["vrs.nothing.v1"]})
    ).status_code == 422
    assert (await hooks.api.call("GET", "/webhooks", Scope.PROJECTS_WRITE)).status_code == 403
    nobody = f"/{UUID(int=7)}"
    for method, path, body in (
        ("GET", nobody, None),
        ("PATCH", nobody, {"active": True}),
        ("DELETE", nobody, None),
        ("POST", f"{nobody}/secret", {}),
        ("GET", f"{nobody}/deliveries", None),
        ("POST", f"{nobody}/deliveries/1/retry", None),
    ):
        assert (await hooks.call(method, path, json=body)).status_code == 404, (method, path)
    async with running_api(database) as without:
        answer = await without.call("POST", "/webhooks", json={"url": "http://a.example/"})
        assert (answer.status_code, "VRS_WEBHOOK_KEY" in answer.json()["remedy"]) == (503, True)
    async with running_api(database, webhook_key=KEY) as public:
        assert (await public.call("POST", "/webhooks", json={"url": "http://a.example/"})).status_code == 422


async def test_a_webhook_ends_with_all_that_was_to_be_sent(hooks: Hooks) -> None:
    hook = await hooks.subscribe()
    await hooks.api.ordered()
    assert (await hooks.call("DELETE", f"/{hook['id']}")).status_code == 204
    assert await hooks.api.count("webhook_deliveries") == 0
    await hooks.api.ordered()
    assert await hooks.api.count("webhook_deliveries") == 0
