"""The marketplace's composition root."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts import DeadLetterHandled, ProjectCancelled, ProjectOrdered, ServiceName
from services.marketplace.grants import GRANTS
from services.marketplace.projects import count_projects
from shared.service import Service


@asynccontextmanager
async def marketplace() -> AsyncIterator[Service]:
    """Yield a service without consumers: the kernel says the outbox rows that whoever takes orders has written."""
    yield Service(
        name=ServiceName.MARKETPLACE,
        publishes=(ProjectOrdered, ProjectCancelled, DeadLetterHandled),
        measures=(count_projects,),
        grants=GRANTS,
    )
