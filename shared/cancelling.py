"""Cancels a project in the marketplace's name, and tells how its parts are undone."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts import CloudEvent, ContractError, ProjectCancelled, ProjectOrdered, ServiceName, decode
from shared.marketplace_outbox import AT_ONCE, put
from shared.messaging.cancellation import mark_cancelled
from shared.messaging.settle import lock_projects
from shared.messaging.topology import queue_name
from shared.models import Cancellation, LogStatus, OpenStep, ProjectOrder, ProvisioningLog, StepState
from shared.outbox import Message
from shared.transaction import Transaction


class PartState(StrEnum):
    """How far a service is with undoing its part. The last two are ends, and the last needs somebody."""

    ASKED = "asked"
    UNDOING = "undoing"
    WAITING = "waiting"
    UNDONE = "undone"
    GIVEN_UP = "given up"


_OPEN = {
    StepState.RUNNING: PartState.UNDOING,
    StepState.WAITING: PartState.WAITING,
    StepState.PARKED: PartState.WAITING,
    StepState.DEAD: PartState.GIVEN_UP,
}


@dataclass(frozen=True, slots=True)
class Part:
    """What one service has to undo. `told` is what it says of it, empty if nothing yet."""

    service: ServiceName
    state: PartState
    told: str

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes by itself."""
        return self.state in (PartState.UNDONE, PartState.GIVEN_UP)


@dataclass(frozen=True, slots=True)
class Mark:
    """A project's cancellation as the database has it: asked for at `since`, UTC. `done`: every part is undone."""

    since: datetime
    requested_by: str
    reason: str
    done: bool


async def cancel(
    transaction: Transaction, project_id: UUID, wish: ProjectCancelled, *, lease: timedelta = AT_ONCE
) -> tuple[UUID, Message] | None:
    """Mark the project as cancelled and say so with the caller's transaction; `lease` as for `put`.

    From the commit on no service begins anything for the project. A project whose parts are not all undone is
    cancelled once more: that is harmless, and a service that had given up tries again. Returns the event's id and its
    outbox row, or None if every part is undone already.
    """
    await lock_projects(transaction, [project_id])
    connection = transaction.connection
    mark = await _mark(connection, project_id)
    if mark is not None and mark.done:
        return None
    event = CloudEvent.of(
        wish,
        source=ServiceName.MARKETPLACE.value,
        project_id=project_id,
        correlation_id=await _story_of(connection, project_id),
    )
    await mark_cancelled(transaction, [(project_id, wish)])
    [message] = await put(connection, [event], lease=lease)
    return event.id, message


async def mark_of(engine: AsyncEngine, project_id: UUID) -> Mark | None:
    """Read the project's cancellation; None if it is not cancelled."""
    async with engine.connect() as connection:
        return await _mark(connection, project_id)


async def parts_of(engine: AsyncEngine, project_id: UUID, event_id: UUID | None = None) -> list[Part]:
    """Read how far each service is with this cancellation of the project, or with any of them."""
    undo = {queue_name(service, ProjectCancelled): service for service in sorted(ProjectCancelled.undone_by)}
    steps = select(OpenStep.consumer, OpenStep.state, OpenStep.reason).where(
        OpenStep.project_id == project_id, OpenStep.consumer.in_(undo)
    )
    if event_id is not None:
        steps = steps.where(OpenStep.event_id == event_id)
    told = select(ProvisioningLog.consumer, ProvisioningLog.message).where(
        ProvisioningLog.project_id == project_id,
        ProvisioningLog.consumer.in_(undo),
        ProvisioningLog.status == LogStatus.COMPLETED,
    )
    undone = select(Cancellation.undone).where(Cancellation.project_id == project_id)
    async with engine.connect() as connection:
        open_steps = {row.consumer: row for row in await connection.execute(steps)}
        messages = {
            row.consumer: row.message for row in await connection.execute(told.order_by(ProvisioningLog.id.desc()))
        }
        over = set(await connection.scalar(undone) or ())
    return [
        Part(service, PartState.UNDONE, messages.get(consumer, ""))
        if service in over
        else _open_part(service, open_steps.get(consumer))
        for consumer, service in undo.items()
    ]


def _open_part(service: ServiceName, step: Row[str, StepState, str | None] | None) -> Part:
    if step is None:
        return Part(service, PartState.ASKED, "")
    return Part(service, _OPEN[step.state], (step.reason or "").partition("\n")[0])


async def _mark(connection: AsyncConnection, project_id: UUID) -> Mark | None:
    found = select(Cancellation.at, Cancellation.requested_by, Cancellation.reason, Cancellation.undone)
    row = (await connection.execute(found.where(Cancellation.project_id == project_id))).one_or_none()
    if row is None:
        return None
    return Mark(row.at, row.requested_by, row.reason, done=ProjectCancelled.undone_by <= set(row.undone))


async def _story_of(connection: AsyncConnection, project_id: UUID) -> UUID | None:
    """The order's correlation id, None while nobody has claimed an order."""
    ordered = select(ProjectOrder.correlation_id).where(ProjectOrder.project_id == project_id).scalar_subquery()
    logged = (
        select(ProvisioningLog.correlation_id)
        .where(ProvisioningLog.project_id == project_id, ProvisioningLog.correlation_id.is_not(None))
        .order_by(ProvisioningLog.id)
        .limit(1)
        .scalar_subquery()
    )
    found: UUID | None = await connection.scalar(select(func.coalesce(ordered, logged)))
    return found or await _story_begun(connection, project_id)


async def _story_begun(connection: AsyncConnection, project_id: UUID) -> UUID | None:
    """What the order itself says that is being worked on and has nothing written down yet."""
    bodies = select(OpenStep.body).where(OpenStep.project_id == project_id).order_by(OpenStep.created_at)
    for body in await connection.scalars(bodies):
        with suppress(ContractError):
            return decode(body, ProjectOrdered).correlation_id
    return None
