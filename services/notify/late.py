"""What the watch reads: which projects are late, which of their steps it is, what the log knows of it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import EVENTS, Event, ProjectCancelled, ProjectOrdered, ServiceName
from shared.messaging.topology import queue_name
from shared.models import StepState

AT_MOST = 100
"""Projects in one look; the next one takes the others."""

NOT_TAKEN_UP = timedelta(seconds=10)
"""A try that has been due for so long was taken up by nobody: its service does not run."""

_LATE = text("""
    SELECT p.vrs_id AS project_id, p.step_due_at AS due_at, p.created_at, o.correlation_id,
           coalesce(p.provisioning_state, 'ordered') = 'ordered' AND NOT EXISTS (
               SELECT FROM provisioning_log l WHERE l.project_id = p.vrs_id AND l.service <> :mails
           ) AND NOT EXISTS (
               SELECT FROM open_steps s WHERE s.project_id = p.vrs_id AND s.consumer NOT LIKE :mails || '.%'
           ) AS is_unclaimed
    FROM projects p LEFT JOIN project_orders o ON o.project_id = p.vrs_id
    WHERE p.step_due_at <= statement_timestamp()
      AND NOT EXISTS (SELECT FROM cancellations c WHERE c.project_id = p.vrs_id)
    ORDER BY p.step_due_at LIMIT :most
""")

_OPEN = text("""
    SELECT project_id, consumer, event_id, state, attempt, due_at, deadline, reason, created_at
    FROM open_steps WHERE project_id = ANY(CAST(:project_ids AS uuid[])) AND state <> 'dead' ORDER BY created_at
""")

_SAID = text("""
    SELECT project_id, emitted, at FROM provisioning_log
    WHERE project_id = ANY(CAST(:project_ids AS uuid[])) AND emitted IS NOT NULL ORDER BY id DESC
""")

# A row that the broker has just confirmed may still be there for a moment: it is not called unsaid.
_NOT_HANDLED = text("""
    SELECT d.consumer, d.event_id,
           EXISTS (SELECT FROM outbox o WHERE o.headers ->> 'event-id' = CAST(d.event_id AS text)
                   AND o.created_at < clock_timestamp() - interval '5 seconds') AS unsaid
    FROM unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[])) AS d (consumer, event_id)
    WHERE NOT EXISTS (SELECT FROM provisioning_log l WHERE l.consumer = d.consumer AND l.event_id = d.event_id
                      AND l.status IN ('completed', 'superseded', 'cancelled'))
      AND NOT EXISTS (SELECT FROM open_steps s WHERE s.consumer = d.consumer AND s.event_id = d.event_id)
""")


def _chain() -> dict[str, tuple[ServiceName, type[Event]]]:
    """The steps of the choreography by their consumer: whom the contracts require to hear what.

    A mail is no step of the project, and an undo has no date.
    """
    return {
        queue_name(service, event): (service, event)
        for event in EVENTS.values()
        if event is not ProjectCancelled
        for service in event.required_by
        if service is not ServiceName.NOTIFY
    }


CHAIN = _chain()


@dataclass(frozen=True, slots=True)
class LateStep:
    """A step that is not done by `due_at`. `since` is when it was opened, or its event said. All times are UTC.

    `event_id` is None of an order that nobody has claimed; `deadline` and `next_try_at` where there is none.
    """

    project_id: UUID
    consumer: str
    event_id: UUID | None
    correlation_id: UUID | None
    due_at: datetime
    since: datetime
    reason: str
    next_try_at: datetime | None = None
    deadline: datetime | None = None

    @property
    def service(self) -> ServiceName:
        """Whose step it is."""
        return CHAIN[self.consumer][0]


@dataclass(frozen=True, slots=True)
class NothingOpen:
    """A missed date behind which no step stands: somebody has been told of a refused event, or has changed rows."""

    project_id: UUID
    due_at: datetime


async def late_steps(connection: AsyncConnection) -> list[LateStep | NothingOpen]:
    """Read what is late, the longest due first, at most `AT_MOST`."""
    late = (await connection.execute(_LATE, {"most": AT_MOST, "mails": ServiceName.NOTIFY.value})).all()
    if not late:
        return []
    projects = {"project_ids": [row.project_id for row in late]}
    opened: dict[UUID, Row[Any]] = {}
    for row in await connection.execute(_OPEN, projects):
        if row.consumer in CHAIN:
            opened.setdefault(row.project_id, row)
    silent = [row.project_id for row in late if row.project_id not in opened]
    queued = await _queued(connection, silent) if silent else {}
    return [_late_step(row, opened.get(row.project_id), queued.get(row.project_id)) for row in late]


@dataclass(frozen=True, slots=True)
class _Queued:
    """An event that was committed and that its consumer has not claimed."""

    consumer: str
    event_id: UUID
    at: datetime
    unsaid: bool = False

    def of(self, project: Row[Any]) -> LateStep:
        service, event = CHAIN[self.consumer]
        where = "is still in the outbox: the broker has not taken it" if self.unsaid else f"waits in {self.consumer}"
        silence = "" if self.unsaid else f": {service} has not taken it"
        return LateStep(
            project.project_id,
            self.consumer,
            self.event_id,
            project.correlation_id,
            project.due_at,
            self.at,
            f"{event.__name__} {where}{silence}",
        )


async def _queued(connection: AsyncConnection, project_ids: Sequence[UUID]) -> dict[UUID, _Queued]:
    """The latest event of each project that a step should have taken and has not."""
    candidates: dict[tuple[str, UUID], tuple[UUID, _Queued]] = {}
    for row in await connection.execute(_SAID, {"project_ids": list(project_ids)}):
        for consumer, event_id in _awaited(bytes(row.emitted)):
            candidates[consumer, event_id] = row.project_id, _Queued(consumer, event_id, row.at)
    parameters = {"consumers": [key[0] for key in candidates], "event_ids": [key[1] for key in candidates]}
    open_ones = {(row.consumer, row.event_id): row.unsaid for row in await connection.execute(_NOT_HANDLED, parameters)}
    found: dict[UUID, _Queued] = {}
    for key, (project_id, queued) in candidates.items():
        if key in open_ones:
            found.setdefault(project_id, _Queued(queued.consumer, queued.event_id, queued.at, open_ones[key]))
    return found


def _awaited(emitted: bytes) -> Iterable[tuple[str, UUID]]:
    """The steps that the events of a log row call for."""
    for line in emitted.splitlines():
        envelope = json.loads(line)
        for consumer, (_, event) in CHAIN.items():
            if event.type == envelope["type"]:
                yield consumer, UUID(envelope["id"])


def _late_step(project: Row[Any], opened: Row[Any] | None, queued: _Queued | None) -> LateStep | NothingOpen:
    if opened is not None:
        return _open_step(project, opened)
    if queued is not None:
        return queued.of(project)
    return _unclaimed_order(project) if project.is_unclaimed else NothingOpen(project.project_id, project.due_at)


def _open_step(project: Row[Any], step: Row[Any]) -> LateStep:
    service = CHAIN[step.consumer][0]
    next_try: datetime | None = step.due_at if step.state in (StepState.WAITING, StepState.PARKED) else None
    reason = step.reason or "it has not said anything of it yet"
    if next_try is None:
        reason = f"try {step.attempt} is running; {reason}" if step.reason else f"{service} is at it; {reason}"
    elif next_try < datetime.now(UTC) - NOT_TAKEN_UP:
        next_try, reason = None, f"{service} has not taken it up since {next_try:%H:%M} UTC; {reason}"
    return LateStep(
        project.project_id,
        step.consumer,
        step.event_id,
        project.correlation_id,
        project.due_at,
        step.created_at,
        reason,
        next_try,
        step.deadline,
    )


def _unclaimed_order(project: Row[Any]) -> LateStep:
    service = ProjectOrdered.required_by[0]
    return LateStep(
        project.project_id,
        queue_name(service, ProjectOrdered),
        None,
        project.correlation_id,
        project.due_at,
        project.created_at,
        f"ProjectOrdered has not reached {service}: it is not published yet, or {service} has not taken it",
    )
