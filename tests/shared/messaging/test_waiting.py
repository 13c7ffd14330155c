"""Later and Parked: a step that waits holds neither message nor task nor connection."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

from shared.messaging import act
from shared.messaging.claim import Claim, claim
from shared.messaging.say import SWEEP
from shared.messaging.waiting_room import TAKE, take
from shared.models import ProvisioningState
from shared.outcome import Later, Outcome, Parked
from shared.step import Step
from shared.transaction import begin
from tests.in_memory_step import InMemoryStep
from tests.shared.messaging.harness import (
    CANCELLED,
    NEXT,
    ORDERED,
    Harness,
    configure,
    configured,
    order,
    order_row,
    until,
)


async def test_later_counts_no_attempt_and_logs_no_repetition(harness: Harness) -> None:
    words = ["ns2 lags", "ns2 lags", "ns2 lags", "ns3 lags"]
    attempts: list[int] = []

    async def wait(event: Any, step: Step) -> Outcome:
        attempts.append(step.attempt)
        return Later(after=0.05, message=words.pop(0)) if words else await configure(event, step)

    harness.handle = wait
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "waiting", "waiting", "completed")
    assert attempts == [1, 1, 1, 1, 1]
    assert [row.message for row in await harness.log(event.subject)] == ["ns2 lags", "ns3 lags", "configured"]


async def test_a_parked_step_goes_on_when_its_key_is_woken_the_oldest_first(harness: Harness) -> None:
    free = 0

    async def park(event: Any, step: Step) -> Outcome:
        nonlocal free
        if free == 0:
            return Parked(
                key="capacity", message="no room", until_woken=True, state=ProvisioningState.WAITING_FOR_CAPACITY
            )
        free -= 1
        return await configure(event, step)

    harness.handle = park
    events = [order() for _ in range(3)]
    async with harness.running() as runtime:
        for event in events:
            await harness.publish(event)
            await harness.logged(event.subject, "parked")
        assert await harness.state(events[0].subject) == "waiting_for_capacity"
        assert [step.deadline for step in await harness.open_steps()] == [None] * 3
        free = 2
        assert await runtime.scheduler.wake("capacity", most=2) == 2
        await harness.logged(events[0].subject, "parked", "completed")
        await harness.logged(events[1].subject, "parked", "completed")
        assert await harness.statuses(events[2].subject) == ["parked"]
        assert await runtime.scheduler.parked_keys("capa") == ["capacity"]
        assert await runtime.scheduler.parked_keys("capa%") == []
        assert await runtime.scheduler.wake("nobody waits for this") == 0


async def test_a_parked_step_looks_again_by_itself(harness: Harness) -> None:
    looks = 0

    async def look(event: Any, step: Step) -> Outcome:
        nonlocal looks
        looks += 1
        return Parked(key="k", message="not yet", look_again=0.2) if looks < 3 else await configure(event, step)

    harness.handle = look
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "parked", "completed")
    assert looks == 3


async def test_a_parked_step_has_a_deadline_unless_it_waits_until_woken(harness: Harness) -> None:
    async def park(event: Any, step: Step) -> Outcome:
        return Parked(key="deployment:1", message="still deploying", look_again=0.1)

    harness.handle = park
    harness.options["deadline"] = timedelta(seconds=3)  # a slow machine must reach the wait before
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "parked", "dead")


async def test_a_deadline_begins_anew_when_a_long_wait_ends(harness: Harness) -> None:
    parked = False

    async def park(event: Any, step: Step) -> Outcome:
        nonlocal parked
        if not parked:
            parked = True
            return Parked(key="capacity", message="no room", until_woken=True)
        return Later(after=0.1, message="one moment")

    harness.handle = park
    harness.options["deadline"] = timedelta(seconds=3)
    event = order()
    async with harness.running() as runtime:
        await harness.publish(event)
        await harness.logged(event.subject, "parked")
        await asyncio.sleep(0.1)
        await runtime.scheduler.wake("capacity")
        await harness.logged(event.subject, "parked", "waiting", "dead")


async def test_a_wait_can_say_something_and_says_it_once(harness: Harness) -> None:
    told = False

    async def tell(event: Any, step: Step) -> Outcome:
        nonlocal told
        events = () if told else (configured(event),)
        told = True
        return Parked(key="k", message="the customer must act", events=events, look_again=0.1)

    harness.handle = tell
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.next_message(NEXT)
        await until(lambda: len(harness.handled) >= 3)
    assert await harness.count(NEXT) == 0
    assert await harness.statuses(event.subject) == ["parked"]


async def test_an_event_about_an_unknown_project_waits_until_it_is_known(harness: Harness) -> None:
    act_unknown = act.UNKNOWN_PROJECT
    project_id = uuid4()
    harness.options["needs_project"] = True
    first, second = order(project_id), order(project_id)
    async with harness.running():
        await harness.publish(first)
        await harness.logged(project_id, "waiting")
        assert harness.handled == []
        async with harness.database.engine.begin() as connection:
            write = order_row(second.data, InMemoryStep(project_id=project_id))
            await type(write).apply(connection, [(project_id, write)])
        await harness.logged(project_id, "waiting", "completed")
    assert (await harness.log(project_id))[0].message == act_unknown.message


async def test_nothing_is_held_while_many_steps_wait(harness: Harness) -> None:
    async def park(event: Any, step: Step) -> Outcome:
        return Parked(key=f"deployment:{step.project_id}", message="deploying")

    harness.handle = park
    harness.options["concurrency"] = 8
    events = [order() for _ in range(100)]
    async with harness.running() as runtime:
        for event in events:
            await harness.publish(event)

        async def all_parked() -> bool:
            return len([step for step in await harness.open_steps() if step.state == "parked"]) == 100

        await until(all_parked)
        await until(lambda: not runtime.actor.in_hand)
        assert await runtime.scheduler.parked_keys("deployment:")


async def test_a_look_at_what_is_due_reads_nothing_of_what_waits_for_later(harness: Harness) -> None:
    await harness.sql(
        "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at)"
        " SELECT :consumer, gen_random_uuid(), gen_random_uuid(), '', 'waiting', 1, nextval('step_tokens'),"
        "        now() + interval '1 hour' FROM generate_series(1, 5000)",
        consumer=ORDERED,
    )
    await harness.sql("ANALYZE open_steps")
    async with begin(harness.database) as transaction:
        explained = await transaction.driver.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {TAKE.sql}",
            *({"consumers": [ORDERED, CANCELLED], "rooms": [64, 64], "lease": 30.0}[name] for name in TAKE.names),
        )
    [plan] = explained[0][0]  # SQLAlchemy has told the driver how to read JSON
    assert plan["Plan"]["Actual Rows"] == 0
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 50


async def due(harness: Harness, consumer: str, count: int) -> None:
    await harness.sql(
        "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at)"
        " SELECT :consumer, gen_random_uuid(), gen_random_uuid(), '', 'waiting', 1, nextval('step_tokens'),"
        "        now() - make_interval(secs => i) FROM generate_series(1, :count) i",
        consumer=consumer,
        count=count,
    )


async def unsaid(harness: Harness, count: int, owner: str = "dns") -> None:
    await harness.sql(
        "INSERT INTO outbox (id, owner, exchange, routing_key, body, headers, required, lease_until)"
        " SELECT gen_random_uuid(), :owner, 'vrs.events', 'x', '', '{}', false, now() - interval '1 hour'"
        " FROM generate_series(1, :count)",
        owner=owner,
        count=count,
    )


async def test_of_each_consumer_as_many_are_taken_as_it_has_room_for(harness: Harness) -> None:
    await due(harness, ORDERED, 5)
    await due(harness, CANCELLED, 3)
    async with begin(harness.database) as transaction:
        taken = await take(transaction, {ORDERED: 2, CANCELLED: 64}, 30.0)
    assert {consumer: len(rows) for consumer, rows in taken.items()} == {ORDERED: 2, CANCELLED: 3}
    left = await harness.sql("SELECT now() - due_at FROM open_steps WHERE state = 'waiting' ORDER BY 1 DESC")
    assert [round(row[0].total_seconds()) for row in left] == [3, 2, 1]


async def test_no_more_is_taken_or_swept_than_was_asked_for_by_a_plan_that_was_made_for_a_single_row(
    harness: Harness,
) -> None:
    await due(harness, "nobody's", 1)
    await unsaid(harness, 1, owner="nobody")
    for table in ("open_steps", "outbox"):
        await harness.sql(f"VACUUM ANALYZE {table}")
    async with begin(harness.database) as transaction:
        for _ in range(8):  # enough for PostgreSQL to keep a plan
            await take(transaction, {ORDERED: 2}, 30.0)
            await transaction.rows(SWEEP, owner="dns", lease=1.0, most=7)
        await due(harness, ORDERED, 40)
        await unsaid(harness, 40)
        taken = await take(transaction, {ORDERED: 2}, 30.0)
        swept = await transaction.rows(SWEEP, owner="dns", lease=1.0, most=7)
    assert (len(taken[ORDERED]), len(swept)) == (2, 7)


async def test_a_claim_that_is_repeated_does_not_find_what_was_taken_since(harness: Harness) -> None:
    event = order()
    claiming = Claim(uuid4(), ORDERED, False, 0.0, 600.0, [(event.id, event.subject, event.encode(), 0)])
    async with begin(harness.database) as transaction:
        [claimed] = await claim(transaction, claiming, again=False)
    async with begin(harness.database) as transaction:
        [taken] = (await take(transaction, {ORDERED: 2}, 30.0))[ORDERED]
    async with begin(harness.database) as transaction:
        assert await claim(transaction, claiming, again=True) == []
    assert taken.token > claimed.token
