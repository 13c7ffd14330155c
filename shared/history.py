"""How long a step usually takes, and when a late one may be expected."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

COMPLETIONS = 200
ROWS = 20_000
"""The last completions of the step are looked for among the latest rows of the log: no index, and never a long scan."""

SOONEST_AGAIN = timedelta(minutes=1)
"""A step is not reported late again before so much time has passed."""

_DURATIONS = text("""
    SELECT count(*) AS known,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95
    FROM (
        SELECT extract(epoch FROM done.at - (
            SELECT min(try.started_at) FROM provisioning_log try
            WHERE try.project_id = done.project_id AND try.consumer = done.consumer AND try.event_id = done.event_id
        ))::float8 AS seconds
        FROM (
            SELECT l.project_id, l.consumer, l.event_id, l.at FROM provisioning_log l
            WHERE l.id > (SELECT max(id) FROM provisioning_log) - :rows
              AND l.consumer = :consumer AND l.status = 'completed'
            ORDER BY l.id DESC LIMIT :completions
        ) done
    ) durations
""")


@dataclass(frozen=True, slots=True)
class Durations:
    """Of the last `known` completions of a step, from the beginning of its first try to its end."""

    known: int
    p50: timedelta
    p95: timedelta


async def durations(connection: AsyncConnection, consumer: str) -> Durations | None:
    """Read a step's durations; None if it was never completed lately."""
    parameters = {"consumer": consumer, "rows": ROWS, "completions": COMPLETIONS}
    row = (await connection.execute(_DURATIONS, parameters)).one()
    if not row.known:
        return None
    return Durations(row.known, timedelta(seconds=row.p50), timedelta(seconds=row.p95))


@dataclass(frozen=True, slots=True)
class Forecast:
    """`expected_at` is None where nobody can know; `due_at` is when the step counts as late again."""

    expected_at: datetime | None
    due_at: datetime


def forecast(now: datetime, since: datetime, deadline: datetime | None, usual: Durations | None) -> Forecast:
    """When a step that was opened at `since` and is late `now` may be done.

    After half of all, then after 95 of 100, then as long again as it has taken so far; at its deadline it is done or
    given up. What is expected within a minute is not reported again that soon.
    """
    as_long_again = now + max(now - since, SOONEST_AGAIN)
    guesses = [since + usual.p50, since + usual.p95, as_long_again] if usual else [as_long_again]
    expected = next(guess for guess in guesses if guess > now)
    if deadline is not None and deadline > now:
        expected = min(expected, deadline)
    return Forecast(expected if usual else None, max(expected, now + SOONEST_AGAIN))
