"""What the database tells about projects: where each stands, what it waits for, what was done for it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ops.failure import CommandError
from shared.models import OpenStep, Project, ProjectOrder, ProvisioningLog, ProvisioningState, StepState

_slug = func.coalesce(ProjectOrder.slug, Project.slug)
"""What was ordered, until then what the project was introduced with."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that is not done. `consumer` is ``<service>.<event>``; times are UTC."""

    consumer: str
    state: StepState
    attempt: int
    due_at: datetime
    reason: str | None

    @property
    def service(self) -> str:
        """Whose step it is."""
        return self.consumer.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.consumer} is {self.state}" + (f": {self.reason.splitlines()[0]:.160}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """A project and its open steps. `ordered_at` and `fqdn` are None until dns has taken up the order."""

    project_id: UUID
    slug: str | None
    fqdn: str | None
    state: ProvisioningState | None
    step_due_at: datetime | None
    ordered_at: datetime | None
    waiting: tuple[Waiting, ...]

    def as_json(self) -> dict[str, Any]:
        """Everything, for ``json.dumps(…, default=plain)``."""
        return asdict(self)


async def project_lines(engine: AsyncEngine, only: Sequence[UUID] | None = None) -> list[ProjectLine]:
    """Read the projects that were ordered, the oldest first; those of `only` if given."""
    projects = (
        select(
            Project.vrs_id,
            _slug,
            ProjectOrder.fqdn,
            Project.provisioning_state,
            Project.step_due_at,
            ProjectOrder.ordered_at,
        )
        .outerjoin(ProjectOrder, ProjectOrder.project_id == Project.vrs_id)
        .where(Project.provisioning_state.is_not(None))  # the marketplace may have projects that are not our business
        .order_by(ProjectOrder.ordered_at.nulls_last(), _slug)
    )
    steps = select(
        OpenStep.project_id, OpenStep.consumer, OpenStep.state, OpenStep.attempt, OpenStep.due_at, OpenStep.reason
    )
    if only is not None:
        projects, steps = projects.where(Project.vrs_id.in_(only)), steps.where(OpenStep.project_id.in_(only))
    waiting: dict[UUID | None, list[Waiting]] = {}
    async with engine.connect() as connection:
        for project_id, consumer, state, attempt, due_at, reason in await connection.execute(steps):
            waiting.setdefault(project_id, []).append(Waiting(consumer, state, attempt, due_at, reason))
        return [
            ProjectLine(*row, waiting=tuple(waiting.get(row.vrs_id, ()))) for row in await connection.execute(projects)
        ]


async def find_project(engine: AsyncEngine, id_or_slug: str) -> UUID:
    """Find a project by its id or its slug.

    Raises:
        CommandError: there is none, or several have this slug.

    """
    try:
        wanted = Project.vrs_id == UUID(id_or_slug)
    except ValueError:
        wanted = _slug == id_or_slug
    named = select(Project.vrs_id).outerjoin(ProjectOrder, ProjectOrder.project_id == Project.vrs_id)
    async with engine.connect() as connection:
        found = (await connection.scalars(named.where(wanted))).all()
    if not found:
        raise CommandError(f"There is no project {id_or_slug!r}; `vrs projects` lists them")
    if len(found) > 1:
        ids = ", ".join(map(str, found))
        raise CommandError(f"{len(found)} projects have the slug {id_or_slug!r}; name one by its id: {ids}")
    return found[0]


async def log_rows(engine: AsyncEngine, project_ids: Sequence[UUID], *, after: int = 0) -> Sequence[Row[Any]]:
    """Read the log of these projects, rows with an id beyond `after`, in the order of writing."""
    statement = (
        select(*ProvisioningLog.__table__.columns)
        .where(ProvisioningLog.project_id.in_(project_ids), ProvisioningLog.id > after)
        .order_by(ProvisioningLog.id)
    )
    async with engine.connect() as connection:
        return (await connection.execute(statement)).all()


def log_as_json(row: Row[Any]) -> dict[str, Any]:
    """A log row for ``json.dumps(…, default=plain)``; `emitted` becomes the number of events that it said."""
    return row._asdict() | {"status": row.status.value, "emitted": len(emitted_of(row))}


def emitted_of(row: Row[Any]) -> list[bytes]:
    """The events that a step said, as they travelled."""
    return (row.emitted or b"").splitlines()


def plain(value: object) -> str:
    """For ``json.dumps(…, default=plain)``: times in ISO 8601, anything else as people write it."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
