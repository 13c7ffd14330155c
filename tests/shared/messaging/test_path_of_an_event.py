"""Claim, act, complete, say: what becomes of an event when nothing goes wrong, and when it comes twice."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from contracts import CONTENT_TYPE, DnsConfigured, decode
from shared.crash_points import CrashPoint, observe
from shared.messaging import acks
from shared.outcome import Done, Outcome
from shared.step import Step
from tests.shared.messaging.harness import NEXT, ORDERED, Harness, configure, order, order_row, until


async def test_an_event_is_handled_and_the_next_one_is_said(harness: Harness) -> None:
    event = order()
    async with harness.running():
        await harness.publish(event)
        message = await harness.next_message(NEXT)
    said = decode(message.body, DnsConfigured)
    assert (said.subject, said.causationid, said.correlationid) == (event.subject, event.id, event.id)
    assert message.properties.delivery_mode == 2
    assert message.properties.content_type == CONTENT_TYPE
    assert message.properties.message_type == DnsConfigured.type
    assert message.properties.correlation_id == str(event.id)
    assert message.headers["event-id"] == str(said.id)
    [row] = await harness.log(event.subject)
    assert (row.status, row.consumer, row.attempt, row.event_id) == ("completed", ORDERED, 1, event.id)
    assert bytes(row.emitted) == message.body
    assert await harness.state(event.subject) == "dns_configured"
    assert await harness.open_steps() == []
    assert await harness.sql("SELECT * FROM outbox") == []


async def test_a_duplicate_has_no_effect_whenever_it_comes(harness: Harness) -> None:
    event = order()
    for _ in range(3):  # in one group
        await harness.publish_before_start(event)
    async with harness.running():
        await harness.logged(event.subject, "completed")
        await harness.publish(event)  # after completion
        other = order()
        await harness.publish(other)
        await harness.logged(other.subject, "completed")
        assert harness.handled == [event.subject, other.subject]
        assert await harness.statuses(event.subject) == ["completed"]
        await until(lambda: harness.has(ORDERED, 0))


async def test_two_copies_that_arrive_together_are_handled_once(harness: Harness) -> None:
    events = [order() for _ in range(30)]
    async with harness.running():
        for event in events:
            await harness.publish(event)
            await harness.publish(event)
        for event in events:
            await harness.logged(event.subject, "completed")
    assert sorted(harness.handled) == sorted(event.subject for event in events)


async def test_an_old_event_is_replayed_without_effect(harness: Harness) -> None:
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "completed")
        await harness.sql(
            "UPDATE provisioning_log SET at = at - interval '1 year', started_at = started_at - interval '1 year'"
        )
        await harness.replay(event.encode(), {"vrs-death": 1})
        await until(lambda: harness.has(ORDERED, 0))
        other = order()
        await harness.publish(other)
        await harness.logged(other.subject, "completed")
    assert harness.handled.count(event.subject) == 1


async def test_every_order_of_a_burst_goes_through_exactly_once(harness: Harness) -> None:
    events = [order() for _ in range(300)]
    async with harness.running():
        for event in events:
            await harness.publish(event)
        await until(lambda: harness.has(NEXT, 300), within=30)
    rows = await harness.sql(
        "SELECT count(*), count(DISTINCT event_id) FROM provisioning_log WHERE status = 'completed'"
    )
    assert tuple(rows[0]) == (300, 300)


async def test_what_the_log_keeps_is_what_postgresql_can_store(harness: Harness) -> None:
    async def mutter(event: Any, step: Step) -> Outcome:
        return Done(
            message="nul \x00 and surrogate \ud800 in a message",
            detail={"nul": "\x00", "surrogate": "\udfff", "deep": [{"password": "hunter2"}], "path": "C:\\u0000"},
            writes=(order_row(event, step),),
        )

    harness.handle = mutter
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "completed")
    [row] = await harness.log(event.subject)
    assert row.message == "nul � and surrogate ? in a message"
    assert row.detail == {"nul": "�", "surrogate": "?", "deep": [{"password": "[redacted]"}], "path": "C:\\u0000"}


async def test_an_event_made_by_another_vendor_of_cloud_events_is_accepted(harness: Harness) -> None:
    project_id, event_id = uuid4(), uuid4()
    foreign = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "https://shop.example/orders",
        "type": "vrs.project.ordered.v1",
        "subject": str(project_id),
        "time": "2026-01-31T10:00:00+01:00",
        "data": {
            "slug": "foreign",
            "base_domain": "vrs.example",
            "plan": "small",
            "customer": {"name": "Erika", "email": "erika@kunde-mit-domain.example"},
            "a_field_of_the_future": {"is": "ignored"},
        },
        "partitionkey": "also ignored",
    }
    async with harness.running():
        await harness.publish(json.dumps(foreign).encode())
        await harness.logged(project_id, "completed")
    [row] = await harness.log(project_id)
    assert row.correlation_id == event_id


async def test_outbox_rows_that_others_wrote_are_said_by_their_owner_only(harness: Harness) -> None:
    async with harness.running():
        mine, foreign = uuid4(), uuid4()
        for row, owner in ((mine, "dns"), (foreign, "marketplace")):
            await harness.sql(
                "INSERT INTO outbox (id, owner, exchange, routing_key, body, headers, required, lease_until) "
                "VALUES (:id, :owner, 'vrs.to', 'deploy.dns-configured', :body, '{}', true, now())",
                id=row,
                owner=owner,
                body=str(row).encode(),
            )
        message = await harness.next_message(NEXT)
        assert message.body == str(mine).encode()

        async def only_the_foreign_one_is_left() -> bool:
            return [row.id for row in await harness.sql("SELECT id FROM outbox")] == [foreign]

        await until(only_the_foreign_one_is_left)


async def test_handlers_of_one_consumer_run_side_by_side_up_to_its_concurrency(harness: Harness) -> None:
    running, most = 0, 0

    async def slow(event: Any, step: Step) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return await configure(event, step)

    harness.handle = slow
    harness.options["concurrency"] = 4
    events = [order() for _ in range(20)]
    async with harness.running():
        for event in events:
            await harness.publish(event)
        for event in events:
            await harness.logged(event.subject, "completed")
    assert most == 4


async def test_what_is_claimed_is_acked_after_a_moment_and_at_the_latest_when_the_service_stops(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    acked: list[Any] = []
    observe(lambda point, about: acked.extend(about or ()) if point is CrashPoint.ACKED else None)
    try:
        async with harness.running():
            await harness.publish(order())
            await until(lambda: len(acked) == 1)
        monkeypatch.setattr(acks, "ACK_WITHIN", 600.0)
        event = order()
        async with harness.running():
            await harness.publish(event)
            await harness.logged(event.subject, "completed")
            assert len(acked) == 1
    finally:
        observe(None)
    assert len(acked) == 2
    assert await harness.count(ORDERED) == 0


async def test_a_group_that_fills_half_of_what_a_consumer_does_at_once_is_acked_at_once(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acks, "ACK_WITHIN", 600.0)
    harness.options = {"concurrency": 2}
    events = [order() for _ in range(20)]
    async with harness.running():
        for event in events:
            await harness.publish(event)
        for event in events:
            await harness.logged(event.subject, "completed")
    assert sorted(harness.handled) == sorted(event.subject for event in events)
