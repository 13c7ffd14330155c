"""Whose project a person means to cancel, and the cancellation with its event published at once."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import ProjectCancelled
from ops.failure import CommandError
from ops.outbox import publish_now
from ops.story import find_project
from shared import cancelling
from shared.database import Database
from shared.marketplace_outbox import OURS
from shared.transaction import begin


async def named_project(engine: AsyncEngine, id_or_slug: str) -> tuple[UUID, bool]:
    """Find a project by its id or slug; return whether it is known, too. An id is believed: its order may yet come.

    Raises:
        CommandError: no project has this slug, or several have.

    """
    try:
        return await find_project(engine, id_or_slug), True
    except CommandError:
        try:
            return UUID(id_or_slug), False
        except ValueError:
            pass
        raise


async def cancel(database: Database, amqp_url: str, project_id: UUID, wish: ProjectCancelled) -> UUID | None:
    """Cancel the project (`shared.cancelling`) and publish that; return the event's id, None if all is undone already.

    Raises:
        CommandError: the broker is away or no queue takes the event; the project is cancelled all the same.

    """
    async with begin(database) as transaction:
        said = await cancelling.cancel(transaction, project_id, wish, lease=OURS)
    if said is None:
        return None
    event_id, message = said
    done = f"{project_id} is cancelled from now on; the event is"
    await publish_now(database, amqp_url, ProjectCancelled, message, done=done)
    return event_id
