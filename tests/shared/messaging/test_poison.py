"""What a single bad outcome, row or message could do to everybody else, and does not."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import PermanentError, StepVoidError
from shared.models import BaseDomain
from shared.outcome import Done, Later, Outcome, Parked
from shared.step import Step
from shared.writes import Upsert
from tests.shared.messaging.harness import (
    DEAD,
    NEXT,
    ORDERED,
    Harness,
    cancellation,
    configure,
    order,
    order_row,
    until,
)


class Exploding(Upsert):
    """A write of a service that breaks in its own way."""

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        raise RuntimeError("a bug in a write")


POISONS: dict[str, Outcome] = {
    "an event that is none": Done(message="x", events=("not an event",)),  # type: ignore[arg-type]  # on purpose
    "a write that raises": Done(message="x", writes=(Exploding(BaseDomain(name="x.example")),)),
    "a value that JSON cannot say": Done(message="x", detail={1j: "complex"}),  # type: ignore[dict-item]  # on purpose
    "a column of another type": Done(message="x", writes=(Upsert(BaseDomain(name=object())),)),
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
async def test_a_poisoned_outcome_ends_its_own_step_only(harness: Harness, poison: Outcome) -> None:
    poisoned = order()

    async def handle(event: Any, step: Step) -> Outcome:
        return poison if step.project_id == poisoned.subject else await configure(event, step)

    harness.handle = handle
    events = [order() for _ in range(5)]
    async with harness.running() as runtime:
        await harness.publish(poisoned)
        for event in events:
            await harness.publish(event)
        for event in events:
            await harness.logged(event.subject, "completed")
        await until(lambda: harness.wrote_about(poisoned.subject))
        assert not runtime.broken.done()


async def test_an_errors_words_may_hold_anything(harness: Harness) -> None:
    async def fail(event: Any, step: Step) -> Outcome:
        raise PermanentError("Coolify says \x1b[31mred\x00 and \ud800", code="Not A Code!")

    harness.handle = fail
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "dead")
        letter = await harness.next_message(DEAD)
    assert "red" in letter.headers["vrs-reason"]


@pytest.mark.parametrize("deaths", [2**31 - 1, 2**62, -1])
async def test_an_absurd_number_of_deaths_is_none(harness: Harness, deaths: int) -> None:
    event = order()
    async with harness.running() as runtime:
        await harness.publish(event, headers={"vrs-death": deaths})
        await harness.publish(b"junk", headers={"vrs-death": deaths})
        await harness.logged(event.subject, "completed")
        await harness.next_message(DEAD)
        assert not runtime.broken.done()


async def test_an_undo_whose_lease_ran_out_is_tried_again(harness: Harness) -> None:
    tries: list[int] = []

    async def undo(event: Any, step: Step) -> Outcome:
        tries.append(step.attempt)
        if len(tries) == 1:
            raise StepVoidError("the lease ended before DELETE /applications")
        return Done(message="undone")

    harness.undo = undo
    event = order()
    async with harness.running(lease=1):
        await harness.publish(cancellation(event.subject))
        await harness.logged(event.subject, "completed")
    assert tries == [1, 2]


async def test_a_try_that_is_stopped_while_its_record_waits_breaks_nothing(harness: Harness) -> None:
    harness.options["try_timeout"] = timedelta(seconds=0.2)

    async def record(event: Any, step: Step) -> Outcome:
        await step.record(Upsert(BaseDomain(name="x.example")))
        return await configure(event, step)

    harness.handle = record
    event = order()
    async with harness.running() as runtime:
        await harness.sql("INSERT INTO projects (vrs_id, name, slug) VALUES (:id, 'a', 'a')", id=event.subject)
        async with harness.database.engine.begin() as connection:
            await connection.execute(text("SELECT FROM projects FOR UPDATE"))
            await harness.publish(event)
            await until(lambda: bool(harness.handled))
            await asyncio.sleep(0.4)
        await until(lambda: harness.wrote_about(event.subject))
        assert not runtime.broken.done()


async def test_a_project_that_somebody_locks_does_not_hold_up_the_others(harness: Harness) -> None:
    locked, free = order(), order()
    async with harness.running():
        await harness.sql("INSERT INTO projects (vrs_id, name, slug) VALUES (:id, 'a', 'a')", id=locked.subject)
        async with harness.database.engine.begin() as connection:
            await connection.execute(text("SELECT FROM projects FOR UPDATE"))
            await harness.publish(locked)
            await until(lambda: bool(harness.handled))
            await harness.publish(free)
            await harness.logged(free.subject, "completed", within=15)
        await harness.logged(locked.subject, "completed", within=15)


async def test_a_licence_that_is_being_inserted_holds_up_nothing(harness: Harness) -> None:
    event = order()
    async with harness.running():
        await harness.sql("INSERT INTO projects (vrs_id, name, slug) VALUES (:id, 'a', 'a')", id=event.subject)
        async with harness.database.engine.begin() as connection:
            await connection.execute(
                text("INSERT INTO licenses (project_id, plugin, vrs_state) SELECT id, 'shop', 'active' FROM projects")
            )
            await harness.publish(event)
            await harness.logged(event.subject, "completed", within=5)


async def test_what_is_due_is_not_starved_by_a_backlog(harness: Harness) -> None:
    first = order()
    waited: list[int] = []

    async def handle(event: Any, step: Step) -> Outcome:
        if step.project_id == first.subject:
            waited.append(len(harness.handled))
            if len(waited) == 1:
                return Later(after=0.2, message="one moment")
        await asyncio.sleep(0.1)
        return await configure(event, step)

    harness.handle = handle
    harness.options["concurrency"] = 2
    await harness.publish_before_start(first)
    for _ in range(100):
        await harness.publish(order())
    async with harness.running():
        await harness.logged(first.subject, "waiting", "completed", within=20)
    assert waited[1] - waited[0] < 40


async def test_many_woken_steps_go_on_without_a_pause_between_them(harness: Harness) -> None:
    parked = True

    async def handle(event: Any, step: Step) -> Outcome:
        if parked:
            return Parked(key="capacity", message="no room", until_woken=True)
        return await configure(event, step)

    harness.handle = handle
    harness.options["concurrency"] = 2
    events = [order() for _ in range(40)]
    async with harness.running() as runtime:
        for event in events:
            await harness.publish(event)
        for event in events:
            await harness.logged(event.subject, "parked")
        parked = False
        await runtime.scheduler.wake("capacity")
        await until(lambda: harness.has(NEXT, 40), within=5)


async def test_a_mended_body_is_what_a_replay_acts_on(harness: Harness) -> None:
    event = order()
    broken = event.encode().replace(b'"plan":"small"', b'"plan":7')
    seen: list[str] = []

    async def handle(data: Any, step: Step) -> Outcome:
        seen.append(data.plan)
        if len(seen) == 1:
            return Later(after=0.05, message="once more, from the waiting room")
        return Done(message="done", writes=(order_row(data, step),))

    harness.handle = handle
    async with harness.running():
        await harness.publish(broken)
        letter = await harness.next_message(DEAD)
        await harness.replay(event.encode(), letter.headers)
        await harness.logged(event.subject, "dead", "waiting", "completed")
    assert seen == ["small", "small"]


async def test_an_outbox_row_that_cannot_be_said_holds_up_no_other(harness: Harness) -> None:
    async with harness.running() as runtime:
        for exchange, headers in (("no.such.exchange", "{}"), ("vrs.events", '{"type": 5, "x": {"y": [1]}}')):
            await harness.sql(
                "INSERT INTO outbox (id, owner, exchange, routing_key, body, headers, required, lease_until) VALUES "
                "(gen_random_uuid(), 'dns', :exchange, 'a', '', CAST(:headers AS jsonb), true, now())",
                exchange=exchange,
                headers=headers,
            )
        event = order()
        await harness.publish(event)
        await harness.next_message(NEXT)
        assert not runtime.broken.done()
        assert await harness.count(ORDERED) == 0
