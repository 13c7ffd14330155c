"""The request budget: never more than the limit in any minute, whoever asks and however long answers take."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deploy.budget import WINDOW, Budget, Lane
from tests.services.deploy.bench import Clock


def headers(limit: int, remaining: int) -> dict[str, str]:
    return {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(remaining)}


async def spend(budget: Budget, times: int, lane: Lane = Lane.WORK) -> None:
    for _ in range(times):
        async with budget.place(lane):
            pass


@given(
    limit=st.integers(8, 30),
    requests=st.lists(st.tuples(st.sampled_from(Lane), st.floats(0, 5), st.floats(0, 90)), min_size=1, max_size=120),
)
def test_no_minute_holds_more_requests_than_the_limit(limit: int, requests: list[tuple[Lane, float, float]]) -> None:
    """A request arrives at Coolify at any moment between its place and its answer."""
    arrivals: list[float] = []

    async def run() -> None:
        clock = Clock()
        budget = Budget(limit, clock=clock, sleep=clock.sleep)

        async def ask(lane: Lane, way: float, answer: float) -> None:
            async with budget.place(lane):
                arrivals.append(clock.now + way)
                end = clock.now + way + answer
                while clock.now < end:
                    await clock.sleep(0.5)

        await asyncio.gather(*(ask(*request) for request in requests))

    asyncio.run(run())
    arrivals.sort()
    for first, last in zip(arrivals, arrivals[limit:], strict=False):
        assert last - first >= WINDOW


async def test_polls_and_work_cannot_take_each_others_places() -> None:
    clock = Clock()
    budget = Budget(200, clock=clock, sleep=clock.sleep)
    await spend(budget, 150)
    await spend(budget, 50, Lane.POLL)
    assert clock.now == 0
    await spend(budget, 1)
    assert clock.now == WINDOW


@pytest.mark.parametrize(("limit", "interval"), [(200, 1.2), (6000, 0.25), (8, 30.0)])
def test_polls_come_as_often_as_a_quarter_of_the_limit_allows(limit: int, interval: float) -> None:
    assert Budget(limit).poll_interval == pytest.approx(interval)


async def test_a_pause_holds_everybody() -> None:
    clock = Clock()
    budget = Budget(200, clock=clock, sleep=clock.sleep)
    budget.pause(17, "429")
    budget.pause(3, "an older 429")
    await asyncio.gather(spend(budget, 1), spend(budget, 1, Lane.POLL))
    assert clock.now == 17


async def test_a_lower_limit_of_coolify_counts() -> None:
    clock = Clock()
    budget = Budget(200, clock=clock, sleep=clock.sleep)
    async with budget.place(Lane.WORK) as heed:
        heed(headers(limit=20, remaining=19))
    await spend(budget, 14)
    assert clock.now == 0
    await spend(budget, 1)
    assert clock.now == WINDOW
    assert budget.poll_interval == WINDOW / 5


async def test_a_higher_limit_of_coolify_leaves_us_at_ours() -> None:
    clock = Clock()
    budget = Budget(20, clock=clock, sleep=clock.sleep)
    async with budget.place(Lane.WORK) as heed:
        heed(headers(limit=200, remaining=100))  # the other processes have used theirs
    await spend(budget, 14)
    assert clock.now == 0
    await spend(budget, 1)
    assert clock.now == WINDOW


async def test_requests_of_others_take_places_for_a_minute() -> None:
    clock = Clock()
    budget = Budget(200, clock=clock, sleep=clock.sleep)
    async with budget.place(Lane.WORK) as heed:
        heed(headers(limit=200, remaining=39))  # 161 used, one of them ours
    await spend(budget, 29)
    assert clock.now == 0
    await spend(budget, 1)
    assert clock.now == WINDOW
    await spend(budget, 119)
    assert clock.now == WINDOW


async def test_our_own_requests_are_not_taken_for_those_of_others() -> None:
    clock = Clock()
    budget = Budget(200, clock=clock, sleep=clock.sleep)
    remaining = 200
    async with budget.place(Lane.WORK) as slow:
        for _ in range(100):
            remaining -= 1
            async with budget.place(Lane.WORK) as heed:
                heed(headers(limit=200, remaining=remaining))
        slow(headers(limit=200, remaining=remaining - 1))
    await spend(budget, 49)
    assert clock.now == 0


async def test_answers_without_limits_change_nothing() -> None:
    clock = Clock()
    budget = Budget(8, clock=clock, sleep=clock.sleep)
    async with budget.place(Lane.WORK) as heed:
        heed({})
        heed({"x-ratelimit-limit": "many", "x-ratelimit-remaining": "-1"})
    await spend(budget, 5)
    assert clock.now == 0
