"""What a late step's new expected time is, from how long the step usually takes."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.history import Durations, forecast

SINCE = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
USUAL = Durations(known=100, p50=timedelta(minutes=5), p95=timedelta(minutes=20))


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("late_after", "deadline_after", "expected_after", "late_again_after"),
    [
        (2, 60, 5, 5),
        (4.5, 60, 5, 5.5),
        (6, 60, 20, 20),
        (21, 60, 42, 42),
        (21, 30, 30, 30),
        (21, None, 42, 42),
        (61, 60, 122, 122),
    ],
    ids=["median", "median within a minute", "p95", "as long again", "deadline", "no deadline", "deadline is over"],
)
def test_a_late_step_is_expected_after_half_then_95_of_100_of_its_like_then_as_long_again(
    late_after: float, deadline_after: float | None, expected_after: float, late_again_after: float
) -> None:
    deadline = None if deadline_after is None else SINCE + minutes(deadline_after)
    found = forecast(SINCE + minutes(late_after), SINCE, deadline, USUAL)
    assert found.expected_at == SINCE + minutes(expected_after)
    assert found.due_at == SINCE + minutes(late_again_after)


def test_of_a_step_that_was_never_completed_nothing_is_promised_and_it_is_looked_at_again() -> None:
    found = forecast(SINCE + minutes(10), SINCE, None, None)
    assert found.expected_at is None
    assert found.due_at == SINCE + minutes(20)
