"""The figures of the overview, read at most once a minute: they look at a month and at the latest part of the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, text

from services.marketplace.admin.words import STEPS
from shared.database import Database
from shared.expiry import ending
from shared.models import Expiry, ProvisioningState

KEPT = timedelta(minutes=1)
LOOKED_AT = 200_000
"""Rows of the log, the latest: it has no index by time, and is written in the order of time."""

DAYS = 14

ENDS = 20
"""Domains and certificates that end soon: the next ones."""

_DAYS = text("""
    SELECT d::date AS day, count(o.project_id) AS orders
    FROM generate_series(CAST(:first AS date), CAST(:first AS date) + CAST(:days AS int) - 1, interval '1 day') d
    LEFT JOIN project_orders o ON (o.ordered_at AT TIME ZONE 'Europe/Berlin')::date = d::date
    GROUP BY 1 ORDER BY 1
""")
_WEEKS = text("""
    SELECT date_trunc('week', l.at AT TIME ZONE 'Europe/Berlin')::date AS begin, count(*) AS live,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM l.at - o.ordered_at))::float8 AS p50,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM l.at - o.ordered_at))::float8 AS p95
    FROM provisioning_log l JOIN project_orders o ON o.project_id = l.project_id
    WHERE l.id > (SELECT max(id) FROM provisioning_log) - :rows
      AND l.consumer = 'bootstrap.app-deployed' AND l.status = 'completed' AND l.at > now() - interval '8 weeks'
    GROUP BY 1 ORDER BY 1
""")
_STEPS = text("""
    SELECT consumer, date_trunc('week', at AT TIME ZONE 'Europe/Berlin')::date AS begin, count(*) AS live,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at - since))::float8 AS p50,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM at - since))::float8 AS p95
    FROM (
        SELECT l.consumer, l.at,
               lag(l.at, 1, o.ordered_at) OVER (PARTITION BY l.project_id ORDER BY l.id) AS since,
               l.consumer = :first OR row_number() OVER (PARTITION BY l.project_id ORDER BY l.id) > 1 AS is_known
        FROM provisioning_log l JOIN project_orders o ON o.project_id = l.project_id
        WHERE l.id > (SELECT max(id) FROM provisioning_log) - :rows
          AND l.consumer = ANY(CAST(:consumers AS text[])) AND l.status = 'completed'
          AND l.at > now() - interval '8 weeks'
    ) steps WHERE is_known
    GROUP BY 1, 2 ORDER BY 2
""")
"""A step is measured from the end of the one before it, the first from the order: with all that it waited."""

_CAUSES = text("""
    SELECT coalesce(detail ->> 'code', '') AS code, count(*) AS deaths FROM provisioning_log
    WHERE id > (SELECT max(id) FROM provisioning_log) - :rows AND status = 'dead' AND at > now() - interval '30 days'
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 8
""")
_STATES = text("""
    SELECT provisioning_state::text AS state, count(*) AS projects FROM projects
    WHERE provisioning_state IS NOT NULL GROUP BY 1
""")
_QUEUES = text("""
    SELECT consumer, count(*) FILTER (WHERE state = 'running') AS running,
           count(*) FILTER (WHERE state IN ('waiting', 'parked')) AS waiting,
           count(*) FILTER (WHERE state = 'dead') AS dead
    FROM open_steps GROUP BY 1 ORDER BY 1
""")
_OUTBOX = text("SELECT count(*) AS unsaid, min(created_at) AS oldest FROM outbox")


@dataclass(frozen=True, slots=True)
class Week:
    """Projects that went live in a week, or had a step done; the seconds it took half of them, and 95 of 100."""

    begin: date
    live: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Figured:
    """What was read at `at`. `days` are orders by Berlin's days, `steps` weeks by consumer, `causes` deaths by code.

    `ends`: domains and certificates of whose end case workers were told.
    """

    at: datetime
    days: Sequence[tuple[date, int]]
    weeks: Sequence[Week]
    steps: Mapping[str, Sequence[Week]]
    causes: Sequence[tuple[str, int]]
    states: Sequence[tuple[ProvisioningState, int]]
    queues: Sequence[Row[Any]]
    unsaid: int
    oldest: datetime | None
    ends: Sequence[Expiry]


class Figures:
    """Reads, and keeps for a minute."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: Figured | None = None

    async def read(self) -> Figured:
        """The figures, at most a minute old."""
        now = datetime.now(UTC)
        if self._kept is None or now - self._kept.at > KEPT:
            self._kept = await self._read(now)
        return self._kept

    async def _read(self, now: datetime) -> Figured:
        days = {"first": now.date() - timedelta(days=DAYS - 1), "days": DAYS}
        rows = {"rows": LOOKED_AT}
        way = {"consumers": list(STEPS), "first": next(iter(STEPS))}
        steps: dict[str, list[Week]] = {consumer: [] for consumer in STEPS}
        async with self._database.autocommit.begin() as connection:
            outbox = (await connection.execute(_OUTBOX)).one()
            for row in await connection.execute(_STEPS, rows | way):
                steps[row.consumer].append(Week(row.begin, row.live, row.p50, row.p95))
            states = {row.state: row.projects for row in await connection.execute(_STATES)}
            return Figured(
                at=now,
                days=[(row.day, row.orders) for row in await connection.execute(_DAYS, days)],
                weeks=[Week(row.begin, row.live, row.p50, row.p95) for row in await connection.execute(_WEEKS, rows)],
                steps=steps,
                causes=[(row.code, row.deaths) for row in await connection.execute(_CAUSES, rows)],
                states=[(state, states[state]) for state in ProvisioningState if state in states],
                queues=(await connection.execute(_QUEUES)).all(),
                unsaid=outbox.unsaid,
                oldest=outbox.oldest,
                ends=await ending(connection, now + timedelta(days=31), told=True, most=ENDS),
            )
