"""Lost leases, lost connections, a broker or a database that goes away: nothing lost, nothing twice."""

import asyncio
from typing import Any

import pytest

from shared.errors import StepVoidError
from shared.messaging import say
from shared.models import BaseDomain
from shared.outcome import Outcome
from shared.step import Step
from shared.writes import Upsert
from tests.shared.messaging.harness import NEXT, ORDERED, Harness, configure, order, until


async def test_a_step_whose_process_died_is_taken_over_with_its_attempt_counted(harness: Harness) -> None:
    event = order()
    started = asyncio.Event()

    async def hang(event: Any, step: Step) -> Outcome:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    harness.handle = hang
    async with harness.running(lease=30) as runtime:
        await harness.publish(event)
        await started.wait()
        for task in list(runtime.actor.lanes[0].tasks):  # as a SIGKILL: no word to the database
            task.cancel()
    await harness.sql("UPDATE open_steps SET state = 'running', due_at = now() - interval '1 second'")
    harness.handle = configure
    async with harness.running():
        await harness.logged(event.subject, "completed")
    assert (await harness.log(event.subject))[0].attempt == 2


async def test_a_try_that_lost_its_lease_can_neither_record_nor_complete(harness: Harness) -> None:
    event = order()
    go_on, tries, refused = asyncio.Event(), [], []

    async def freeze(event: Any, step: Step) -> Outcome:
        tries.append(step.attempt)
        if len(tries) == 1:
            await go_on.wait()
            try:
                await step.record(Upsert(BaseDomain(name="too-late.example")))
            except StepVoidError as error:
                refused.append(str(error))
        return await configure(event, step)

    harness.handle = freeze
    async with harness.running():
        await harness.publish(event)
        await until(lambda: len(tries) == 1)
        await harness.sql("UPDATE open_steps SET due_at = now() - interval '1 second'")
        await harness.logged(event.subject, "completed")
        go_on.set()
        await until(lambda: bool(refused))
    assert tries == [1, 2]
    assert refused == ["the lease is lost, another try has taken over"]
    assert await harness.sql("SELECT * FROM base_domains") == []
    assert await harness.statuses(event.subject) == ["completed"]
    assert await harness.count(NEXT) == 1


async def test_a_lease_is_renewed_while_its_try_runs(harness: Harness) -> None:
    event = order()

    async def slow(event: Any, step: Step) -> Outcome:
        await asyncio.sleep(1.5)
        return await configure(event, step)

    harness.handle = slow
    async with harness.running(lease=0.6):
        await harness.publish(event)
        await harness.logged(event.subject, "completed")
    assert harness.handled == [event.subject]


async def test_what_a_crash_left_unsaid_is_said_by_the_sweeper(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = order()

    async def dies(self: say.Speaker, group: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(say.Speaker, "_say", dies)
        patch.setattr("shared.messaging.runtime.FLUSH", 0.1)
        async with harness.running():
            await harness.publish(event)
            await harness.logged(event.subject, "completed")
    assert await harness.count(NEXT) == 0
    await harness.sql("UPDATE outbox SET lease_until = now()")
    async with harness.running():
        await harness.next_message(NEXT)

        async def outbox_is_empty() -> bool:
            return await harness.sql("SELECT * FROM outbox") == []

        await until(outbox_is_empty)


async def test_work_goes_on_when_the_database_drops_every_connection_again_and_again(harness: Harness) -> None:
    events = [order() for _ in range(200)]

    async def brief(event: Any, step: Step) -> Outcome:
        await asyncio.sleep(0.02)
        return await configure(event, step)

    harness.handle = brief
    harness.options["concurrency"] = 8
    async with harness.running():
        for number, event in enumerate(events):
            await harness.publish(event)
            if number % 40 == 20:
                await kill_connections(harness)
        await until(lambda: harness.has(NEXT, 200), within=60)
    rows = await harness.sql(
        "SELECT count(*), count(DISTINCT event_id) FROM provisioning_log WHERE status = 'completed'"
    )
    assert tuple(rows[0]) == (200, 200)


async def kill_connections(harness: Harness) -> None:
    """As a restart of the database does."""
    try:
        await harness.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    except Exception:  # noqa: BLE001 - the pool hands us a connection that is just being killed
        await asyncio.sleep(0.05)


async def test_a_closed_connection_to_the_broker_comes_back_and_nothing_is_lost(harness: Harness) -> None:
    events = [order() for _ in range(60)]
    async with harness.running() as runtime:
        for number, event in enumerate(events):
            await harness.publish(event)
            if number in (20, 40):
                transport = (await runtime.broker.connect()).transport
                assert transport
                await transport.connection.close(asyncio.CancelledError())
        await until(lambda: not runtime.not_ready, within=30)
        await until(lambda: harness.has(NEXT, 60), within=30)
    rows = await harness.sql(
        "SELECT count(*), count(DISTINCT event_id) FROM provisioning_log WHERE status = 'completed'"
    )
    assert tuple(rows[0]) == (60, 60)


async def test_a_deleted_queue_is_declared_again(harness: Harness) -> None:
    async with harness.running() as runtime:
        await harness.channel.queue_delete(ORDERED)
        await until(lambda: bool(runtime.not_ready))
        await until(lambda: not runtime.not_ready)
        event = order()
        await harness.publish(event)
        await harness.logged(event.subject, "completed")


async def test_an_event_that_no_queue_takes_stays_in_the_outbox_until_one_does(harness: Harness) -> None:
    async with harness.running():
        first = order()
        await harness.publish(first)
        await harness.next_message(NEXT)
        await harness.channel.queue_delete(NEXT)
        event = order()
        await harness.publish(event)
        await harness.logged(event.subject, "completed")
        rows = await harness.sql("SELECT required FROM outbox WHERE body LIKE :id", id=f"%{event.subject}%".encode())
        assert [row.required for row in rows] == [True]
        await harness.channel.queue_declare("elsewhere", exclusive=True)
        await harness.channel.queue_bind("elsewhere", "vrs.events", "dns.configured.v1")
        await harness.next_message("elsewhere")


async def test_stopping_gives_running_steps_back_at_once(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.messaging.runtime.GRACE", 0.1)
    event = order()

    async def hang(event: Any, step: Step) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    harness.handle = hang
    async with harness.running():
        await harness.publish(event)
        await until(lambda: bool(harness.handled))
    [step] = await harness.open_steps()
    assert step.state == "waiting"
    harness.handle = configure
    async with harness.running():
        await harness.logged(event.subject, "completed")
    assert (await harness.log(event.subject))[0].attempt == 1


async def test_two_instances_share_the_work_and_do_nothing_twice(harness: Harness) -> None:
    events = [order() for _ in range(200)]
    async with harness.running() as one, harness.running() as two:
        for event in events:
            await harness.publish(event)
        await until(lambda: harness.has(NEXT, 200), within=30)
        assert one is not two
    assert sorted(harness.handled) == sorted(event.subject for event in events)
