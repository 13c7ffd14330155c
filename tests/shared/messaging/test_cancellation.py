"""The mark, the closing of open steps, and what still ends after it."""

import asyncio
from typing import Any
from uuid import uuid4

from contracts import DnsReleased, ProjectCancelled, ServiceName
from shared.errors import PermanentError, StepVoidError
from shared.messaging.cancellation import mark_cancelled, mark_undone
from shared.models import BaseDomain
from shared.outcome import Done, Outcome, Parked
from shared.step import Step
from shared.transaction import begin
from shared.writes import Upsert
from tests.shared.messaging.harness import NEXT, ORDERED, Harness, cancellation, configure, configured, order, until


async def test_a_late_event_of_a_cancelled_project_has_no_effect(harness: Harness) -> None:
    event = order()
    async with harness.running():
        await harness.publish(cancellation(event.subject))
        await harness.logged(event.subject, "completed")
        await harness.publish(event)
        await until(lambda: harness.has(ORDERED, 0))
        other = order()
        await harness.publish(other)
        await harness.logged(other.subject, "completed")
    assert harness.handled == [other.subject]
    assert await harness.state(event.subject) is None
    assert [row.project_id for row in await harness.sql("SELECT * FROM cancellations")] == [event.subject]


async def test_cancelling_closes_what_is_parked_and_what_is_dead(harness: Harness) -> None:
    async def park(event: Any, step: Step) -> Outcome:
        return Parked(key="capacity", message="no room", until_woken=True)

    async def fail(event: Any, step: Step) -> Outcome:
        raise PermanentError("no", code="no")

    parked, dead = order(), order()
    async with harness.running():
        harness.handle = park
        await harness.publish(parked)
        await harness.logged(parked.subject, "parked")
        harness.handle = fail
        await harness.publish(dead)
        await harness.logged(dead.subject, "dead")
        await harness.publish(cancellation(parked.subject))
        await harness.publish(cancellation(dead.subject))
        await harness.logged(parked.subject, "parked", "cancelled", "completed")
        await harness.logged(dead.subject, "dead", "cancelled", "completed")
        assert await harness.state(parked.subject) == "cancelling"
        letter = await harness.next_message("dns.dead")
        await harness.replay(letter.body, letter.headers)
        await until(lambda: harness.has(ORDERED, 0))
    assert await harness.open_steps() == []


async def test_the_undo_waits_for_the_running_step_which_then_emits_nothing(harness: Harness) -> None:
    go_on, refusals, undone = asyncio.Event(), [], []

    async def work(event: Any, step: Step) -> Outcome:
        await go_on.wait()
        try:
            await step.record(Upsert(BaseDomain(name="too-late.example")))
        except StepVoidError as error:
            refusals.append(str(error))
        return await configure(event, step)

    async def undo(event: ProjectCancelled, step: Step) -> Outcome:
        undone.append(step.project_id)
        return Done(message="undone")

    harness.handle, harness.undo = work, undo
    event = order()
    async with harness.running():
        await harness.publish(event)
        await until(lambda: bool(harness.handled))
        await harness.publish(cancellation(event.subject))
        await harness.logged(event.subject, "waiting")
        assert undone == []
        go_on.set()
        await harness.logged(event.subject, "waiting", "cancelled", "completed")
    assert refusals == ["the project was cancelled"]
    assert undone == [event.subject]
    assert await harness.count(NEXT) == 0
    assert await harness.state(event.subject) == "cancelling"
    [row] = [row for row in await harness.log(event.subject) if row.status == "cancelled"]
    assert "the project was cancelled meanwhile" in row.message


async def test_a_refused_record_that_is_let_pass_closes_its_step(harness: Harness) -> None:
    go_on = asyncio.Event()

    async def work(event: Any, step: Step) -> Outcome:
        await go_on.wait()
        await step.record()
        return await configure(event, step)

    harness.handle = work
    event = order()
    async with harness.running():
        await harness.publish(event)
        await until(lambda: bool(harness.handled))
        await harness.publish(cancellation(event.subject))
        await harness.logged(event.subject, "waiting")
        go_on.set()
        await harness.logged(event.subject, "waiting", "cancelled", "completed")
    assert await harness.open_steps() == []


async def test_a_failing_step_of_a_cancelled_project_is_closed_and_not_dead(harness: Harness) -> None:
    go_on = asyncio.Event()

    async def work(event: Any, step: Step) -> Outcome:
        await go_on.wait()
        raise PermanentError("no", code="no")

    harness.handle = work
    event = order()
    async with harness.running():
        await harness.publish(event)
        await until(lambda: bool(harness.handled))
        await harness.publish(cancellation(event.subject))
        await harness.logged(event.subject, "waiting")
        go_on.set()
        await harness.logged(event.subject, "waiting", "cancelled", "completed")
    assert await harness.count("dns.dead") == 0


async def test_the_project_is_cancelled_when_every_part_is_undone(harness: Harness) -> None:
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "completed")
        await harness.publish(cancellation(event.subject))
        await harness.logged(event.subject, "completed", "completed")
        assert await harness.state(event.subject) == "cancelling"
        for service in ProjectCancelled.undone_by - {ServiceName.DNS}:
            async with harness.database.engine.begin() as connection:
                await mark_undone(connection, service, [event.subject])
        assert await harness.state(event.subject) == "cancelled"
        await harness.publish(cancellation(event.subject))  # once more
        await harness.logged(event.subject, "completed", "completed", "completed")
    assert await harness.state(event.subject) == "cancelled"


async def test_a_project_that_was_introduced_by_a_claim_as_late_as_its_last_undo_ends_cancelled(
    harness: Harness,
) -> None:
    async def work(event: Any, step: Step) -> Outcome:
        await step.record()
        return await configure(event, step)

    harness.handle = work
    event = order()
    await harness.sql(
        "INSERT INTO cancellations (project_id, reason, requested_by, undone) VALUES (:id, '', '', :undone)",
        id=event.subject,
        undone=list(ProjectCancelled.undone_by),
    )
    await harness.sql(
        "INSERT INTO projects (vrs_id, name, slug, provisioning_state) VALUES (:id, 'x', 'x', 'ordered')",
        id=event.subject,
    )
    await harness.sql(
        "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at)"
        " VALUES (:consumer, :event, :id, :body, 'running', 1, nextval('step_tokens'), now())",
        consumer=ORDERED,
        event=event.id,
        id=event.subject,
        body=event.encode(),
    )
    async with harness.running():
        await harness.logged(event.subject, "cancelled")
    assert await harness.state(event.subject) == "cancelled"


async def test_an_undone_part_is_told_once_though_two_cancellations_come_at_once(harness: Harness) -> None:
    both = asyncio.Barrier(2)

    async def undo(event: ProjectCancelled, step: Step) -> Outcome:
        await both.wait()
        return Done(message="released", events=(DnsReleased(records=()),))

    harness.undo = undo
    event = order()
    async with harness.running():
        queue = (await harness.channel.queue_declare(exclusive=True)).queue or ""
        await harness.channel.queue_bind(queue, "vrs.events", DnsReleased.routing_key())
        await harness.publish(cancellation(event.subject))
        await harness.publish(cancellation(event.subject))
        await harness.logged(event.subject, "completed", "completed")
        await until(lambda: is_silent(harness))
        assert await harness.count(queue) == 1
    said = [bool(row.emitted) for row in await harness.log(event.subject)]
    assert sorted(said) == [False, True]


async def is_silent(harness: Harness) -> bool:
    return not await harness.sql("SELECT 1 FROM outbox")


async def test_cancelling_a_project_that_nobody_knows_leaves_a_mark(harness: Harness) -> None:
    unknown = uuid4()
    async with harness.running():
        await harness.publish(cancellation(unknown))
        await harness.publish(cancellation(unknown))
        await harness.logged(unknown, "completed", "completed")
    rows = await harness.sql("SELECT * FROM cancellations")
    assert [(row.project_id, row.reason, row.undone) for row in rows] == [(unknown, "changed their mind", ["dns"])]


async def test_a_project_stays_cancelled_when_a_second_undo_fails(harness: Harness) -> None:
    async def fail(event: Any, step: Step) -> Outcome:
        raise PermanentError("no", code="no")

    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "completed")
        async with begin(harness.database) as transaction:
            await mark_cancelled(transaction, [(event.subject, cancellation(event.subject).data)])
            for service in ProjectCancelled.undone_by:
                await mark_undone(transaction.connection, service, [event.subject])
        assert await harness.state(event.subject) == "cancelled"
        harness.undo = fail
        await harness.publish(cancellation(event.subject))
        await harness.logged(event.subject, "completed", "dead")
    assert await harness.state(event.subject) == "cancelled"


async def test_a_completion_that_waits_for_the_cancellation_s_lock_is_closed_by_its_mark(harness: Harness) -> None:
    event = order()
    wish = ProjectCancelled(reason="changed their mind", requested_by="case worker")
    at_its_end, cancelling = asyncio.Event(), asyncio.Event()

    async def ends(ordered: Any, step: Step) -> Outcome:
        at_its_end.set()
        await cancelling.wait()
        return Done(message="configured", events=(configured(ordered),))

    harness.handle = ends
    async with harness.running():
        await harness.publish(event)
        await at_its_end.wait()
        async with begin(harness.database) as transaction:
            await mark_cancelled(transaction, [(event.subject, wish)])
            cancelling.set()
            await until(lambda: somebody_waits_for_a_lock(harness))
        await harness.logged(event.subject, "cancelled")
    assert await harness.open_steps() == []
    assert await harness.sql("SELECT * FROM outbox") == []
    assert await harness.count(NEXT) == 0


async def somebody_waits_for_a_lock(harness: Harness) -> bool:
    return bool(await harness.sql("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
