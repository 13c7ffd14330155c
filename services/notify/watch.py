"""The watch: turns each missed date of a project into one ProvisioningDelayed, however many watch.

What makes it one is the date itself: it is moved on by compare-and-set under the project's lock, in the commit that
holds the event and its log row.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts import ProvisioningDelayed
from services.notify.late import LateStep, NothingOpen, late_steps
from shared.history import Durations, Forecast, durations, forecast
from shared.messaging.looking import look_every
from shared.messaging.trouble import passes
from shared.models import LATE
from shared.service import Announcement, Background, Kernel

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds."""

LONGEST_REASON = 500

_MOVE_ON = text("""
    UPDATE projects p SET step_due_at = d.due_at
    FROM unnest(CAST(:project_ids AS uuid[]), CAST(:missed AS timestamptz[]), CAST(:due AS timestamptz[]))
         AS d (project_id, missed, due_at)
    WHERE p.vrs_id = d.project_id AND p.step_due_at = d.missed
    RETURNING p.vrs_id
""")


@dataclass(frozen=True, slots=True)
class MoveOn:
    """A `Write`: the missed date becomes the next one, or none. Its result: whether it still was the project's date."""

    rank: ClassVar[int] = 10
    missed: datetime
    due_at: datetime | None

    @property
    def kind(self) -> object:
        """All of a group go together."""
        return "move on"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Compare and set."""
        parameters = {
            "project_ids": [project_id for project_id, _ in batch],
            "missed": [write.missed for _, write in batch],
            "due": [write.due_at for _, write in batch],
        }
        moved = set((await connection.execute(_MOVE_ON, parameters)).scalars())
        return [project_id in moved for project_id, _ in batch]


def watch(engine: AsyncEngine) -> Background:
    """Look every second, for as long as the service runs; a database that is away is waited for."""

    async def run(kernel: Kernel) -> None:
        await look_every(LOOK_EVERY, lambda: tell_of_delays(kernel, engine), otherwise="nobody watches for delays")

    return run


async def tell_of_delays(kernel: Kernel, engine: AsyncEngine) -> int:
    """Announce each date that was missed by now; return how many this call was the first to announce."""
    async with engine.connect() as connection:
        found = await late_steps(connection)
        if not found:
            return 0
        late = [step for step in found if isinstance(step, LateStep)]
        usual = {consumer: await durations(connection, consumer) for consumer in {step.consumer for step in late}}
        now: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    told = 0
    for step in late:
        known = usual[step.consumer]
        try:
            told += await kernel.announce(_announcement(step, forecast(now, step.since, step.deadline, known), known))
        except Exception as error:
            if passes(error):
                raise
            log.exception("this delay cannot be told, the others are", project=str(step.project_id))
    for each in found:
        if isinstance(each, NothingOpen):
            log.warning("a date was missed and no step is open: it is taken away", project=str(each.project_id))
            async with engine.begin() as connection:
                await MoveOn.apply(connection, [(each.project_id, MoveOn(each.due_at, None))])
    return told


def _announcement(step: LateStep, forecast: Forecast, usual: Durations | None) -> Announcement:
    reason = re.sub(r"[\x00-\x20\x7f]+", " ", step.reason).strip()[:LONGEST_REASON]
    expected = f"expected by {forecast.expected_at:%H:%M:%S} UTC" if forecast.expected_at else "no time can be promised"
    detail = {"due_at": step.due_at.isoformat(), "next_due_at": forecast.due_at.isoformat()}
    if usual:
        seconds = {"p50": usual.p50.total_seconds(), "p95": usual.p95.total_seconds()}
        detail["usual"] = f"{seconds['p50']:.1f} s, at most {seconds['p95']:.1f} s in 95 of 100 (of {usual.known})"
    return Announcement(
        project_id=step.project_id,
        event=ProvisioningDelayed(
            step=step.service,
            reason=reason,
            due_at=step.due_at,
            next_try_at=step.next_try_at,
            expected_at=forecast.expected_at,
        ),
        when=MoveOn(step.due_at, forecast.due_at),
        by=LATE,
        message=f"{step.service} is late, due by {step.due_at:%H:%M:%S} UTC; {expected}: {reason}",
        detail=detail,
        correlation_id=step.correlation_id,
        causation_id=step.event_id,
    )
