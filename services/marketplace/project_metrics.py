"""What the marketplace's metrics say of the projects."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.metrics import PROJECTS
from shared.models import Project, ProvisioningState

_COUNT = select(Project.provisioning_state, func.count().label("projects")).group_by(Project.provisioning_state)


async def count_projects(connection: AsyncConnection) -> None:
    """Set the gauge of projects by state; those that were never handed to provisioning have none."""
    counts = {row.provisioning_state: row.projects for row in await connection.execute(_COUNT)}
    for state in ProvisioningState:
        PROJECTS.labels(state.value).set(counts.get(state, 0))
