"""The statements of a cancellation: the mark that is never cleared, the closing of open steps, the undone parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

from asyncpg.exceptions import IntegrityConstraintViolationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import ProjectCancelled, ServiceName
from shared.errors import PermanentError
from shared.marks import MOVE_TO_CANCELLING, SET_MARK, marks
from shared.messaging.settle import lock_projects
from shared.messaging.trouble import reason_of
from shared.transaction import Statement, Transaction

_UNDONE = text("""
    UPDATE cancellations SET undone = array_append(undone, :service)
    WHERE project_id = ANY(CAST(:project_ids AS uuid[])) AND NOT undone @> ARRAY[:service]
    RETURNING project_id
""")

_CANCELLED = text("""
    UPDATE projects p SET provisioning_state = 'cancelled', step_due_at = NULL
    FROM cancellations c
    WHERE p.vrs_id = ANY(CAST(:project_ids AS uuid[])) AND c.project_id = p.vrs_id
      AND c.undone @> CAST(:undoers AS text[])
""")

# A date is worth no waiting: a project that somebody has locked must not hold up the claim of the others.
# ON CONFLICT comes too late for a project that is there where the marketplace's table asks for more than we know.
_INTRODUCE = Statement("""
    WITH dated AS (
        UPDATE projects p SET provisioning_state = 'ordered',
               step_due_at = coalesce(p.step_due_at, clock_timestamp() + make_interval(secs => :due))
        FROM (SELECT w.vrs_id FROM projects w
              WHERE w.vrs_id = ANY(CAST(:project_ids AS uuid[]))
                AND (w.provisioning_state IS NULL OR (w.provisioning_state = 'ordered' AND w.step_due_at IS NULL))
                AND NOT EXISTS (SELECT FROM cancellations c WHERE c.project_id = w.vrs_id)
              FOR NO KEY UPDATE SKIP LOCKED) d
        WHERE p.vrs_id = d.vrs_id
    )
    INSERT INTO projects (vrs_id, name, slug, provisioning_state, step_due_at)
    SELECT d.project_id, d.slug, d.slug, 'ordered', clock_timestamp() + make_interval(secs => :due)
    FROM unnest((SELECT CAST(:project_ids AS uuid[])), CAST(:slugs AS text[])) AS d (project_id, slug)
    WHERE NOT EXISTS (SELECT FROM cancellations c WHERE c.project_id = d.project_id OFFSET 0)
      AND NOT EXISTS (SELECT FROM projects p WHERE p.vrs_id = d.project_id OFFSET 0)
    ORDER BY d.project_id
    ON CONFLICT (vrs_id) DO NOTHING
""")

_PROMISE = text("""
    UPDATE projects p SET step_due_at = clock_timestamp() + make_interval(secs => :due)
    FROM (SELECT vrs_id FROM projects WHERE vrs_id = ANY(CAST(:project_ids AS uuid[]))
          FOR NO KEY UPDATE SKIP LOCKED) d
    WHERE p.vrs_id = d.vrs_id
""")

_CLOSE_OTHERS = text("""
    WITH closed AS (
        DELETE FROM open_steps s
        USING unnest(CAST(:project_ids AS uuid[]), CAST(:event_ids AS uuid[])) AS d (project_id, event_id)
        WHERE s.project_id = d.project_id AND s.consumer LIKE :consumers AND s.consumer <> ALL(CAST(:kept AS text[]))
          AND s.state <> 'running'
        RETURNING s.consumer, s.event_id, s.project_id, s.attempt, d.event_id AS cause
    )
    INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, causation_id,
                                  message, detail, started_at, duration_ms)
    SELECT project_id, :service, consumer, split_part(consumer, '.', 2), 'cancelled', attempt, event_id, cause,
           'closed: the project was cancelled', '{}', clock_timestamp(), 0
    FROM closed
""")

_STILL_RUNNING = text("""
    SELECT DISTINCT s.project_id
    FROM open_steps s
    JOIN unnest(CAST(:project_ids AS uuid[]), CAST(:event_ids AS uuid[])) AS d (project_id, event_id)
      ON s.project_id = d.project_id
    WHERE s.consumer LIKE :consumers AND s.consumer <> ALL(CAST(:kept AS text[])) AND s.state = 'running'
""")


async def mark_cancelled(transaction: Transaction, events: Sequence[tuple[UUID, ProjectCancelled]]) -> None:
    """Lock the projects and set the cancellation mark, also for a project that nobody knows."""
    await lock_projects(transaction, [project_id for project_id, _ in events])
    for statement in (SET_MARK, MOVE_TO_CANCELLING):
        await transaction.connection.execute(statement, marks(events))


async def mark_undone(connection: AsyncConnection, service: ServiceName, project_ids: Sequence[UUID]) -> set[UUID]:
    """`service` has undone its part; the project is cancelled when every part is.

    Return the projects whose part had not been undone before: of these alone "undone" is said, once.
    """
    ids = {"project_ids": list(project_ids)}
    first = set((await connection.execute(_UNDONE, {**ids, "service": service.value})).scalars())
    await end_if_undone(connection, project_ids)
    return first


async def end_if_undone(connection: AsyncConnection, project_ids: Sequence[UUID]) -> None:
    """Set `cancelled` where every part is undone.

    A closed step does so as well: the claim that introduced its project may have been frozen from before the mark
    until after the last undo.
    """
    undoers = [undoer.value for undoer in ProjectCancelled.undone_by]
    await connection.execute(_CANCELLED, {"project_ids": list(project_ids), "undoers": undoers})


async def introduce(transaction: Transaction, projects: Sequence[tuple[UUID, str]], *, due: timedelta | None) -> None:
    """Insert the projects (id, slug) that the marketplace has not inserted, unless they are cancelled.

    Their first step counts as late after `due`; so does that of a project which the marketplace has inserted
    without a date.

    Raises:
        PermanentError: the marketplace's table needs more of a project than we know.

    """
    try:
        await transaction.rows(
            _INTRODUCE,
            project_ids=[project_id for project_id, _ in projects],
            slugs=[slug for _, slug in projects],
            due=due.total_seconds() if due else None,
        )
    except IntegrityConstraintViolationError as error:
        raise PermanentError(
            f"only the marketplace can insert this project ({reason_of(error)}): its row, with vrs_id, "
            "must be committed before or together with ProjectOrdered; insert it, then replay",
            code="project_not_inserted",
        ) from error


async def promise(connection: AsyncConnection, project_ids: Sequence[UUID], due: timedelta) -> None:
    """The step that is open now counts as late after `due`."""
    await connection.execute(_PROMISE, {"project_ids": list(project_ids), "due": due.total_seconds()})


@dataclass(frozen=True, slots=True)
class CloseOpenSteps:
    """A `Write` of the kernel: close what waits, is parked or dead for this service and project.

    `kept` are the consumers that a cancellation does not stop, the undo's own among them: undoing twice at a time is
    idempotent.

    Its result is whether a step of the service still runs for the project (or ran, with a lease that has expired
    and was not yet taken): then the undo must come back later.
    """

    rank: ClassVar[int] = 0
    service: ServiceName
    undo_event_id: UUID
    kept: tuple[str, ...]

    @property
    def kind(self) -> object:
        """All cancellations of a group go together."""
        return "close open steps"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Close, then look for running ones in a statement of its own: a step may have been taken meanwhile."""
        service = batch[0][1].service
        parameters = {
            "project_ids": [project_id for project_id, _ in batch],
            "event_ids": [write.undo_event_id for _, write in batch],
            "consumers": f"{service}.%",
            "kept": list(batch[0][1].kept),
        }
        await connection.execute(_CLOSE_OTHERS, {**parameters, "service": service.value})
        running = set((await connection.execute(_STILL_RUNNING, parameters)).scalars())
        return [project_id in running for project_id, _ in batch]
