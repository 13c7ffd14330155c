"""``vrs topology migrate``: nothing lost, nothing twice, in order; wherever it is interrupted."""

import asyncio
from typing import Any

import pytest
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from pamqp import commands as spec
from typer.testing import CliRunner

from ops.cli import app
from ops.failure import CommandError
from ops.topology.expected import MIGRATING
from ops.topology.migration import Migration
from ops.topology.move import MOST, contents
from ops.topology.real import counts, look, only_one
from shared.database import Database
from shared.messaging.topology import Queue, declare
from tests.ops.cut import wire
from tests.ops.queues import DEAD, WORKING, otherwise
from tests.shared.messaging.harness import Harness, order, until

OLDER = {DEAD.name: otherwise(DEAD, x_delivery_limit=1000), WORKING.name: otherwise(WORKING, x_delivery_limit=500)}
MANY = 250
CONNECTING = 8
"""Methods until the lock is taken."""


def headers(number: int) -> dict[str, Any]:
    return {"event-id": f"event-{number}", "vrs-death": number + 1, "type": "x"}


async def publish(channel: AbstractChannel, queue: Queue, numbers: range) -> None:
    exchange, key = ("vrs.dead", f"{WORKING.name}") if queue is DEAD else ("vrs.events", "project.ordered.v1")
    await asyncio.gather(
        *(
            channel.basic_publish(
                str(number).encode(),
                exchange=exchange,
                routing_key=key,
                properties=spec.Basic.Properties(
                    delivery_mode=2, message_id=f"row-{number}", message_type="x", headers=headers(number)
                ),
                mandatory=True,
            )
            for number in numbers
        )
    )


async def taken(channel: AbstractChannel, name: str) -> list[DeliveredMessage]:
    messages = []
    while isinstance((message := await channel.basic_get(name, no_ack=True)).delivery, spec.Basic.GetOk):
        messages.append(message)
    return messages


async def migrate(url: str, queue: Queue) -> bool:
    async with only_one(url) as connection:
        return await Migration(connection, queue, lambda line: None, settle=0.05).run()


@pytest.mark.parametrize("queue", [DEAD, WORKING], ids=lambda queue: queue.name)
async def test_every_message_is_there_once_in_order_with_its_headers(
    queue: Queue, connection: AbstractConnection, channel: AbstractChannel, amqp_url: str
) -> None:
    await declare(channel, [OLDER[queue.name]])
    await publish(channel, queue, range(MANY))
    assert await migrate(amqp_url, queue)
    real = await look(connection, queue)
    assert real is not None
    assert (real.differences, real.ready) == ([], MANY)
    assert await counts(connection, queue.name + MIGRATING) is None
    await publish(channel, queue, range(MANY, MANY + 1))  # it is bound again
    messages = await taken(channel, queue.name)
    assert [message.body for message in messages] == [str(number).encode() for number in range(MANY + 1)]
    assert [(message.header.properties.headers or {}) | {"x-delivery-count": 0} for message in messages] == [
        headers(number) | {"x-delivery-count": 0} for number in range(MANY + 1)
    ]
    assert messages[7].header.properties.message_id == "row-7"
    assert messages[7].routing_key == WORKING.name
    assert not await migrate(amqp_url, queue)


@pytest.mark.parametrize("queue", [DEAD, WORKING], ids=lambda queue: queue.name)
async def test_a_migration_that_is_killed_again_and_again_loses_nothing(
    queue: Queue, connection: AbstractConnection, channel: AbstractChannel, amqp_url: str
) -> None:
    await declare(channel, [OLDER[queue.name]])
    await publish(channel, queue, range(10))
    methods = range(CONNECTING, 200, 3)
    async with wire(amqp_url) as (line, url):
        for calls, line.left in enumerate(methods):  # noqa: B007 - the last one is looked at
            try:
                await migrate(url, queue)
            except CommandError:
                continue
            break
    assert calls > 10
    assert [int(message.body) for message in await taken(channel, queue.name)] == list(range(10))
    assert await counts(connection, queue.name + MIGRATING) is None


@pytest.mark.parametrize("prefetch", [700, MOST])
async def test_every_message_that_is_there_is_recognised(
    channel: AbstractChannel, connection: AbstractConnection, monkeypatch: pytest.MonkeyPatch, prefetch: int
) -> None:
    monkeypatch.setattr("ops.topology.move.MOST", prefetch)
    await declare(channel, [DEAD])
    await publish(channel, DEAD, range(2100))
    assert len(await contents(connection, DEAD.name)) == 2100
    assert int((await channel.basic_get(DEAD.name)).body) == 0


async def test_services_that_run_meanwhile_get_every_event_once(
    database: Database, channel: AbstractChannel, connection: AbstractConnection, amqp_url: str
) -> None:
    await declare(channel, [OLDER[WORKING.name]])
    harness = Harness(database, amqp_url, channel)
    orders = [order() for _ in range(60)]
    for event in orders[:30]:
        await harness.publish(event)

    migrated = asyncio.Event()

    async def is_empty() -> bool:
        found = await look(connection, WORKING)
        return found is not None and found.ready == 0

    async def serve() -> None:
        async with harness.running():
            await until(lambda: len(harness.handled) >= len(orders))
            await migrated.wait()
            await until(is_empty)  # of copies as well

    async def go_on_publishing() -> None:
        for event in orders[30:]:
            await harness.publish(event)
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        group.create_task(serve())
        group.create_task(go_on_publishing())
        await migrate(amqp_url, WORKING)
        migrated.set()
    assert sorted(harness.handled) == sorted(event.subject for event in orders)
    real = await look(connection, WORKING)
    assert real is not None
    assert (real.differences, real.ready) == ([], 0)


async def test_a_queue_with_consumers_is_left_as_it_is(channel: AbstractChannel, amqp_url: str) -> None:
    await declare(channel, [OLDER[WORKING.name]])
    arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
    await channel.basic_consume(WORKING.name, arrived.put)
    with pytest.raises(CommandError, match=r"consumed or looked into: 1\. Stop every dns of the older version"):
        await migrate(amqp_url, WORKING)
    await publish(channel, WORKING, range(1))
    assert (await arrived.get()).body == b"0"


async def test_a_queue_that_somebody_looks_into_is_left_as_it_is(
    channel: AbstractChannel, connection: AbstractConnection, amqp_url: str
) -> None:
    await declare(channel, [OLDER[DEAD.name]])
    await publish(channel, DEAD, range(2))
    desk = await connection.channel()
    await desk.basic_get(DEAD.name)
    with pytest.raises(CommandError, match="close every desk"):
        await migrate(amqp_url, DEAD)
    await desk.close()

    async def nobody_looks() -> bool:
        counted = await counts(connection, DEAD.name)
        return counted is not None and not counted.consumer_count

    await until(nobody_looks)
    assert await migrate(amqp_url, DEAD)
    assert [int(message.body) for message in await taken(channel, DEAD.name)] == [0, 1]


async def test_only_one_migrates_at_a_time(amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.topology.real.LOCK_SECONDS", 0)
    async with only_one(amqp_url):
        with pytest.raises(CommandError, match="Somebody else"):
            await migrate(amqp_url, DEAD)


async def test_a_dry_run_only_tells_what_the_command_then_does(
    channel: AbstractChannel, amqp_url: str, database_url: str
) -> None:
    async def vrs(*arguments: str) -> list[str]:
        settings = {"VRS_AMQP_URL": amqp_url, "VRS_DATABASE_URL": database_url}
        ended = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=settings)
        assert (ended.exit_code, ended.exception, ended.stderr) == (0, None, "")
        return ended.output.splitlines()

    await declare(channel, [OLDER[DEAD.name]])
    await publish(channel, DEAD, range(3))
    assert await vrs("topology", "migrate", "--dry-run") == [
        "dns.dead: x-delivery-limit is 1000, expected 1000000",
        "  3 messages would go to dns.dead.migrating; dns.dead would be deleted and made anew",
        "  then all would go from dns.dead.migrating to dns.dead, and dns.dead.migrating would be deleted",
    ]
    assert await vrs("topology", "migrate") == [
        "dns.dead: x-delivery-limit is 1000, expected 1000000",
        "dns.dead: 3 messages moved to dns.dead.migrating",
        "dns.dead: deleted",
        "dns.dead.migrating: 3 messages moved to dns.dead",
        "dns.dead.migrating: deleted",
    ]
    assert len(await taken(channel, DEAD.name)) == 3
