"""What a broker with an alarm, with a full queue or without a queue does to what we say: it waits, and we say so."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from aiormq import Connection
from aiormq.channel import Channel

from contracts import CloudEvent, ProjectOrdered, ServiceName
from ops.stack import Stack
from shared.messaging import broker, publish, say
from shared.messaging.runtime import Runtime, running
from shared.messaging.topology import declare, queue_name, queues_of
from shared.outbox import row_of, said
from shared.service import Service
from tests.chaos.wires import Cut, Wire
from tests.erlang import disk_alarm, longest, own_node
from tests.shared.messaging.harness import NEXT, ORDERED, Harness, order, until

ORDERS = 10
ALARM = "RabbitMQ takes nothing from publishers: its memory or disk alarm is on"


@asynccontextmanager
async def marketplace(harness: Harness, *, old_after: float = 30.0) -> AsyncIterator[Runtime]:
    """The service that says what was ordered."""
    service = Service(name=ServiceName.MARKETPLACE, publishes=(ProjectOrdered,))
    async with running(service, harness.database, amqp_url=harness.amqp_url, outbox_old_after=old_after) as runtime:
        yield runtime


async def place(harness: Harness, count: int) -> list[UUID]:
    """Commit orders, as whoever takes them does."""
    events: list[CloudEvent[ProjectOrdered]] = [order() for _ in range(count)]
    async with harness.database.engine.begin() as connection:
        for event in events:
            await connection.execute(row_of(said(event), owner=ServiceName.MARKETPLACE))
    return [event.subject for event in events]


async def unsaid(harness: Harness) -> int:
    [row] = await harness.sql("SELECT count(*) AS many FROM outbox")
    return int(row.many)


async def postponed(harness: Harness) -> int:
    """How many were published and not taken."""
    [row] = await harness.sql("SELECT count(*) AS many FROM outbox WHERE attempts > 1")
    return int(row.many)


async def answered(harness: Harness) -> bool:
    """Whether the broker has taken or refused each."""
    return await unsaid(harness) == await postponed(harness)


async def all_said(harness: Harness) -> bool:
    return await unsaid(harness) == 0


async def test_with_a_disk_alarm_publishers_wait_consumers_go_on_and_nothing_is_lost_or_done_twice(
    harness: Harness, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "CONFIRM_TIMEOUT", 1.0)
    harness.options["concurrency"] = 1  # two are delivered at once; more only when they are acked
    queued = [order() for _ in range(ORDERS)]
    for event in queued:
        await harness.publish_before_start(event)
    async with AsyncExitStack() as services:
        async with disk_alarm(own_node(stack)):
            shop = await services.enter_async_context(marketplace(harness))
            dns = await services.enter_async_context(harness.running())
            placed = await place(harness, ORDERS)
            await until(lambda: len(harness.handled) == ORDERS)
            await until(lambda: ALARM in dns.not_ready and ALARM in shop.not_ready)
            assert await unsaid(harness) == 2 * ORDERS
        for project_id in placed:
            await harness.logged(project_id, "completed", within=20)
        await until(partial(all_said, harness))
        await until(lambda: not dns.not_ready and not shop.not_ready)
    assert Counter(harness.handled) == Counter([*placed, *(event.subject for event in queued)])
    followed = [await harness.next_message(NEXT) for _ in range(await harness.count(NEXT))]
    assert len({message.headers["event-id"] for message in followed}) == 2 * ORDERS


async def test_a_full_queue_refuses_what_then_waits_in_the_outbox_until_there_is_room(
    harness: Harness, stack: Stack
) -> None:
    async with AsyncExitStack() as services, longest(own_node(stack), ORDERED, 1):
        await services.enter_async_context(marketplace(harness))
        placed: list[UUID] = []
        while not await postponed(harness):
            assert len(placed) < ORDERS
            placed += await place(harness, 1)
            await until(partial(answered, harness))
        assert await harness.count(ORDERED) < len(placed)
        assert not harness.handled
        await services.enter_async_context(harness.running())  # it makes room, again and again
        for project_id in placed:
            await harness.logged(project_id, "completed", within=20)
        await until(partial(all_said, harness))
    assert Counter(harness.handled) == Counter(placed)


async def test_an_event_that_no_queue_takes_makes_readiness_fail_until_one_does(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(say, "LOOK_FOR_OLD_EVERY", 0.2)
    async with marketplace(harness, old_after=1.0) as shop:
        await place(harness, 1)
        await until(partial(all_said, harness))  # the service has declared the queues
        await until(lambda: not shop.not_ready)
        for listener in ProjectOrdered.required_by:  # one that takes it is enough
            await harness.channel.queue_delete(queue_name(listener, ProjectOrdered))
        [placed] = await place(harness, 1)
        await until(lambda: shop.not_ready)
        assert re.fullmatch(
            r"RabbitMQ has not taken for \d+ s: 1 project\.ordered\.v1; see `vrs doctor --queues`", shop.not_ready[0]
        )
        await declare(harness.channel, queues_of(harness.service()))
        await until(lambda: not shop.not_ready)
        message = await harness.next_message(ORDERED)
        assert str(placed).encode() in message.body


async def test_a_network_that_falls_silent_makes_readiness_fail_within_30_seconds_until_it_carries_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Connection.HEARTBEAT_GRACE_MULTIPLIER * (broker.HEARTBEAT + 1) + broker.HEARTBEAT // 2 < 30
    monkeypatch.setattr(broker, "HEARTBEAT", 1)
    url = urlsplit(harness.amqp_url)
    async with Wire(partial(asyncio.open_connection, url.hostname, url.port)).running() as wire:
        behind = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{wire.port}").geturl()
        async with replace(harness, amqp_url=behind).running() as dns:
            await wire.cut(Cut.SILENT)
            await until(lambda: f"{ORDERED} is not subscribed" in dns.not_ready, within=20)
            await wire.cut(Cut.NONE)
            await until(lambda: not dns.not_ready, within=20)
            await harness.publish(event := order())
            await harness.logged(event.subject, "completed")


async def test_a_stop_ends_although_a_channel_cannot_be_closed(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any, **__: Any) -> None:
        raise TimeoutError

    async with asyncio.timeout(20):
        async with harness.running() as runtime:
            [*intakes] = runtime.intakes
            monkeypatch.setattr(Channel, "close", silent)
    assert not any(intake.subscribed for intake in intakes)
