"""What the database tells of projects, in a fixed number of queries whatever is asked for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    SQLColumnExpression,
    Text,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketplace.api.answers import LogEntry, OpenStepAnswer, ProjectAnswer
from shared.hosts import part_as_stored
from shared.models import (
    AddedDomain,
    OpenStep,
    Project,
    ProjectDomain,
    ProjectOrder,
    ProvisioningLog,
    ProvisioningState,
)
from shared.names import slug_of

_slug = func.coalesce(ProjectOrder.slug, Project.slug)
_PROJECTS = (
    select(
        Project.vrs_id,
        _slug.label("slug"),
        func.coalesce(ProjectDomain.host, ProjectOrder.fqdn).label("fqdn"),
        Project.provisioning_state,
        Project.step_due_at,
        ProjectOrder.ordered_at,
        ProjectOrder.project_type,
        ProjectOrder.plan,
        ProjectOrder.plugins,
    )
    .outerjoin(ProjectOrder, ProjectOrder.project_id == Project.vrs_id)
    .outerjoin(ProjectDomain, (ProjectDomain.project_id == Project.vrs_id) & ProjectDomain.is_primary)
    .where(Project.provisioning_state.is_not(None))  # the marketplace may have projects that are not our business
)
_STEPS = select(
    OpenStep.project_id,
    OpenStep.consumer,
    OpenStep.event_id,
    OpenStep.state,
    OpenStep.attempt,
    OpenStep.due_at,
    OpenStep.reason,
).order_by(OpenStep.created_at)
_LITERALLY = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})
"""What LIKE would take for a pattern."""

_AROUND_HOST = re.compile(r"^(?:https?://)?(?:www\.)?|/.*$")

LOG_COLUMNS = tuple(getattr(ProvisioningLog, name) for name in LogEntry.model_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which projects: in one of `states` (any if empty), with `words` in slug or a domain, or as their id.

    With `ids` only these. `before` is the id that the page before ended with: ids are UUIDv7, so the newest come first.
    `late_at`: only those that something was due of by then.
    """

    states: Sequence[ProvisioningState] = ()
    ids: Sequence[UUID] | None = None
    words: str | None = None
    before: UUID | None = None
    late_at: datetime | None = None
    limit: int = 50


async def read_projects(connection: AsyncConnection, wanted: Wanted) -> list[ProjectAnswer]:
    """Read a page of projects and their open steps."""
    statement = _PROJECTS.order_by(Project.vrs_id.desc()).limit(_written(wanted.limit))
    if wanted.states:
        statement = statement.where(Project.provisioning_state.in_(wanted.states))
    if wanted.ids is not None:
        statement = statement.where(Project.vrs_id.in_(wanted.ids))
    if wanted.late_at:
        statement = statement.where(Project.step_due_at < wanted.late_at)
    if wanted.before:
        statement = statement.where(Project.vrs_id < wanted.before)
    if wanted.words:
        statement = statement.where(Project.vrs_id.in_(_named(wanted, wanted.words)))
    return await _with_steps(connection, (await connection.execute(statement)).all())


async def read_project(connection: AsyncConnection, project_id: UUID) -> ProjectAnswer | None:
    """Read one project; None if there is none."""
    rows = (await connection.execute(_PROJECTS.where(Project.vrs_id == project_id))).all()
    return next(iter(await _with_steps(connection, rows)), None)


async def read_log(connection: AsyncConnection, project_id: UUID, *, after: int, limit: int) -> list[LogEntry]:
    """Read a project's log rows with an id beyond `after`, in the order of writing."""
    rows = await connection.execute(
        select(*LOG_COLUMNS)
        .where(ProvisioningLog.project_id == project_id, ProvisioningLog.id > after)
        .order_by(ProvisioningLog.id)
        .limit(_written(limit))
    )
    return [LogEntry.model_validate(row._asdict()) for row in rows]


async def _with_steps(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[ProjectAnswer]:
    steps: dict[UUID | None, list[OpenStepAnswer]] = {row.vrs_id: [] for row in rows}
    for row in await connection.execute(_STEPS.where(OpenStep.project_id.in_(list(steps)))):
        steps[row.project_id].append(OpenStepAnswer.model_validate(row._asdict()))
    return [
        ProjectAnswer(
            id=row.vrs_id,
            slug=row.slug,
            host=row.fqdn,
            state=row.provisioning_state,
            late_at=row.step_due_at,
            ordered_at=row.ordered_at,
            project_type=row.project_type,
            plan=row.plan,
            plugins=row.plugins or [],
            waiting=steps[row.vrs_id],
        )
        for row in rows
    ]


def _named(wanted: Wanted, words: str) -> Select[tuple[UUID]]:
    """The ids of the newest projects with `words` in a name: of orders and added domains, by trigrams; without order.

    The words stand in the statement itself, so that PostgreSQL plans for them: few have them, or all.
    """
    parts = [
        bindparam(f"words{number}", f"%{spelt.translate(_LITERALLY)}%", Text(), literal_execute=True)
        for number, spelt in enumerate(_spellings(words))
    ]

    def has_them(*names: SQLColumnExpression[str]) -> ColumnElement[bool]:
        return or_(*(name.like(part) for name in names for part in parts))

    ordered = select(ProjectOrder.project_id.label("id")).join(Project, Project.vrs_id == ProjectOrder.project_id)
    ordered = ordered.where(has_them(ProjectOrder.slug, ProjectOrder.fqdn.cast(Text)))
    added = select(AddedDomain.project_id.label("id")).join(Project, Project.vrs_id == AddedDomain.project_id)
    added = added.where(AddedDomain.is_wanted, has_them(AddedDomain.domain.cast(Text))).distinct()
    unordered = select(Project.vrs_id.label("id")).where(
        Project.provisioning_state == ProvisioningState.ORDERED,
        has_them(func.lower(Project.slug)),
        ~exists().where(ProjectOrder.project_id == Project.vrs_id),
    )
    branches = []
    for branch, project_id in (
        (ordered, ProjectOrder.project_id),
        (added, AddedDomain.project_id),
        (unordered, Project.vrs_id),
    ):
        found = branch.where(Project.provisioning_state.is_not(None))
        if wanted.states:
            found = found.where(Project.provisioning_state.in_(wanted.states))
        if wanted.late_at:
            found = found.where(Project.step_due_at < wanted.late_at)
        if wanted.before:
            found = found.where(project_id < wanted.before)
        branches.append(found.order_by(project_id.desc()).limit(_written(wanted.limit)).subquery())
    ids = [select(branch.c.id) for branch in branches]
    if (project_id_ := _uuid(words)) is not None:
        ids.append(select(literal(project_id_).label("id")))
    return select(union_all(*ids).subquery().c.id)


def _spellings(words: str) -> list[str]:
    """How `words` stand in the database, where all is ASCII: of an address its host name; umlauts in either way."""
    host = _AROUND_HOST.sub("", words.lower()) or words.lower()
    if host.isascii():
        return [host]
    labels = part_as_stored(host)
    return [slug_of(host), *([labels] if labels else [])]


def _written(limit: int) -> ColumnElement[int]:
    """A limit in the statement itself: for one that is a parameter PostgreSQL plans to read a tenth of the table."""
    return literal_column(str(limit), Integer)


def _uuid(words: str) -> UUID | None:
    try:
        return UUID(words)
    except ValueError:
        return None
