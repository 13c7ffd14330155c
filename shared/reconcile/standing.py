"""Where a project stands for one service: whether it still needs what is written down, and who works on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Label, Row, SQLColumnExpression, Uuid, exists, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import ServiceName
from shared.models import Cancellation, OpenStep, Project, StepState


@dataclass(frozen=True, slots=True)
class Standing:
    """A project as one service must see it. `step` is the service's open step, a dead one only if there is no other."""

    known: bool = False
    cancelled: bool = False
    undone: bool = False
    step: StepState | None = None

    @property
    def is_over(self) -> bool:
        """Whether the project is cancelled and this service has undone its part."""
        return self.cancelled and self.undone and not self.step

    @property
    def is_lost(self) -> bool:
        """Whether there is neither such a project nor a cancellation of it."""
        return not self.known and not self.cancelled

    @property
    def busy(self) -> str | None:
        """Why nobody else may touch what is the project's; None if nobody works on it."""
        if self.step is StepState.DEAD:
            return "its step is dead: replay its letter (`vrs dlq list`)"
        if self.step is not None:
            return f"its step is {self.step.value}"
        return "its cancellation is under way" if self.cancelled and not self.undone else None

    @property
    def is_worked_on(self) -> bool:
        """Whether somebody acts by himself; not so for a dead step, which waits for a person."""
        return self.busy is not None and self.step is not StepState.DEAD


def standing_columns(project_id: SQLColumnExpression[UUID], service: ServiceName) -> tuple[Label[Any], ...]:
    """Columns for a select over rows with this `project_id`; `standing_of` reads them."""
    cancelled = exists().where(Cancellation.project_id == project_id)
    step = (
        select(OpenStep.state)
        .where(OpenStep.project_id == project_id, OpenStep.consumer.startswith(f"{service}."))
        .order_by(OpenStep.state == StepState.DEAD)
        .limit(1)
        .scalar_subquery()
    )
    return (
        exists().where(Project.vrs_id == project_id).label("known"),
        cancelled.label("cancelled"),
        cancelled.where(Cancellation.undone.contains([service.value])).label("undone"),
        step.label("step"),
    )


def standing_of(row: Row[Any]) -> Standing:
    """Read the columns of `standing_columns`."""
    return Standing(row.known, row.cancelled, row.undone, row.step)


async def standings(
    connection: AsyncConnection, service: ServiceName, project_ids: Sequence[UUID]
) -> dict[UUID, Standing]:
    """Read where these projects stand, known or not."""
    if not project_ids:
        return {}
    ids = select(func.unnest(literal(list(project_ids), ARRAY(Uuid()))).label("project_id")).subquery()
    found = await connection.execute(select(ids.c.project_id, *standing_columns(ids.c.project_id, service)))
    return {row.project_id: standing_of(row) for row in found}
