"""A COMMIT that took place and whose answer was lost: the step goes on at once, not when a lease has ended."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from shared.crash_points import CrashPoint, observe
from tests.shared.messaging.harness import NEXT, Harness, order, until

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
