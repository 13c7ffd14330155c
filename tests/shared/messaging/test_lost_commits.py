"""A COMMIT that took place and whose answer was lost: the step goes on at once, not when a lease has ended."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.crash_points import CrashPoint, Observer, observe
from shared.messaging import say
from shared.outcome import Outcome
from shared.step import Step
from tests.shared.messaging.harness import NEXT, Harness, order, order_row, until

LONG = 600.0


@pytest.fixture
def lose_answer() -> Iterator[Callable[[CrashPoint], list[CrashPoint]]]:
    """Let the connection break right after the first commit at a point; give the points at which it broke."""
    broken: list[CrashPoint] = []

    def lose(at: CrashPoint) -> list[CrashPoint]:
        def observer(point: CrashPoint, about: Iterable[Any] | None) -> None:
            if point is at and about and not broken:
                broken.append(point)
                raise ConnectionResetError("the answer to COMMIT is lost")

        observe(observer)
        return broken

    yield lose
    observe(None)


@pytest.fixture
def observing() -> Iterator[Callable[[Observer], None]]:
    """Look at every crash point until the test ends."""
    yield observe
    observe(None)


async def test_a_claim_whose_commit_was_not_answered_is_acted_upon_at_once(
    harness: Harness, lose_answer: Callable[[CrashPoint], list[CrashPoint]]
) -> None:
    broken = lose_answer(CrashPoint.CLAIM_COMMITTED)
    event = order()
    async with harness.running(lease=LONG):
        await harness.publish(event)
        await harness.logged(event.subject, "completed")
    assert broken == [CrashPoint.CLAIM_COMMITTED]
    assert harness.handled == [event.subject]
    assert [row.attempt for row in await harness.log(event.subject)] == [1]


async def test_a_claim_that_was_not_answered_finds_what_it_got(
    harness: Harness, lose_answer: Callable[[CrashPoint], list[CrashPoint]]
) -> None:
    broken = lose_answer(CrashPoint.CLAIM_WRITTEN)
    event = order()
    async with harness.running(lease=LONG):
        await harness.publish(event)
        await harness.logged(event.subject, "completed")
    assert broken == [CrashPoint.CLAIM_WRITTEN]
    assert harness.handled == [event.subject]
    assert [row.attempt for row in await harness.log(event.subject)] == [1]


async def test_an_outcome_whose_commit_was_not_answered_is_said_at_once(
    harness: Harness, lose_answer: Callable[[CrashPoint], list[CrashPoint]]
) -> None:
    broken = lose_answer(CrashPoint.ENDING_COMMITTED)
    event = order()
    async with harness.running(lease=LONG):
        await harness.publish(event)
        await harness.next_message(NEXT)

        async def outbox_is_empty() -> bool:
            return await harness.sql("SELECT * FROM outbox") == []

        await until(outbox_is_empty)
    assert broken == [CrashPoint.ENDING_COMMITTED]
    assert await harness.statuses(event.subject) == ["completed"]
    assert await harness.count(NEXT) == 0


async def test_a_confirm_that_comes_while_the_last_commit_runs_is_not_forgotten(
    harness: Harness, observing: Callable[[Observer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(say, "REMOVE_WITHIN", LONG)
    event, row = order(), await row_in_outbox(harness)
    async with harness.running() as runtime:

        def confirmed_now(point: CrashPoint, about: Iterable[Any] | None) -> None:
            if point is CrashPoint.RECORD_WRITTEN and about:
                runtime.speaker.give_back([row])
                runtime.speaker.remove_confirmed()

        async def hangs(ordered: Any, step: Step) -> Outcome:
            await step.record(order_row(ordered, step))
            await asyncio.Event().wait()
            raise AssertionError

        harness.handle = hangs
        observing(confirmed_now)
        await harness.publish(event)
        await until(lambda: is_removed(harness, row))


async def test_a_removal_that_was_not_committed_is_asked_for_again(harness: Harness) -> None:
    row = await row_in_outbox(harness)
    async with harness.running() as runtime:
        runtime.speaker.give_back([row])
        await until(lambda: is_removed(harness, row))


async def row_in_outbox(harness: Harness) -> UUID:
    """A row that was said and is not removed yet; no sweeper says it again during the test."""
    row = uuid4()
    await harness.sql(
        "INSERT INTO outbox (id, owner, exchange, routing_key, body, headers, required, lease_until)"
        " VALUES (:id, 'dns', 'vrs.events', 'dns.configured.v1', '', '{}', false, now() + interval '1 hour')",
        id=row,
    )
    return row


async def is_removed(harness: Harness, row: UUID) -> bool:
    return await harness.sql("SELECT id FROM outbox WHERE id = :id", id=row) == []


async def has_no_open_step(harness: Harness) -> bool:
    return await harness.open_steps() == []
