"""What the marketplace's metrics say of the projects, and of what in them waits for people."""

from datetime import timedelta

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.metrics import ENDING, PROJECTS, WAITS_FOR_PEOPLE
from shared.models import (
    Cancellation,
    DomainRegistration,
    DomainTransfer,
    Expiry,
    ExpiryKind,
    Project,
    ProvisioningState,
    RegistrationStage,
    TransferStage,
    TransferWithdrawal,
)

WEEK = timedelta(days=7)

_COUNT = select(Project.provisioning_state, func.count().label("projects")).group_by(Project.provisioning_state)
_CANCELLED = select(Cancellation.project_id)
_WITHDRAWN = select(TransferWithdrawal.project_id, TransferWithdrawal.domain)
_WAITING = {
    "registration": select(func.count()).where(
        DomainRegistration.stage == RegistrationStage.HELD, DomainRegistration.project_id.not_in(_CANCELLED)
    ),
    "transfer": select(func.count()).where(
        DomainTransfer.stage == TransferStage.FAILED,
        DomainTransfer.project_id.not_in(_CANCELLED),
        tuple_(DomainTransfer.project_id, DomainTransfer.domain).not_in(_WITHDRAWN),
    ),
}
_ENDING = (
    select(Expiry.kind, func.count().label("things"))
    .where(Expiry.ends_at < func.statement_timestamp() + WEEK, Expiry.told_days.is_not(None))
    .group_by(Expiry.kind)
)


async def count_projects(connection: AsyncConnection) -> None:
    """Set the gauge of projects by state; those that were never handed to provisioning have none."""
    counts = {row.provisioning_state: row.projects for row in await connection.execute(_COUNT)}
    for state in ProvisioningState:
        PROJECTS.labels(state.value).set(counts.get(state, 0))


async def count_what_waits_for_people(connection: AsyncConnection) -> None:
    """Set the gauges of what case workers were asked, and of what they were told that ends, in projects that go on."""
    for what, waiting in _WAITING.items():
        WAITS_FOR_PEOPLE.labels(what).set(await connection.scalar(waiting) or 0)
    ending = {row.kind: row.things for row in await connection.execute(_ENDING)}
    for kind in ExpiryKind:
        ENDING.labels(kind.value).set(ending.get(kind, 0))
