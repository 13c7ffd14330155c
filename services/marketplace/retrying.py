"""A project's failed steps, once more: for the order API and for the admin UI, with a line in the log of changes."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketplace.api.answers import ProjectAnswer
from services.marketplace.audit import name_of, record, subject_of
from shared.api_keys import Caller
from shared.database import Database
from shared.dead_letters.audit import Operator
from shared.dead_letters.replay import Plan, Report, replay
from shared.dead_letters.selection import Filter
from shared.dead_letters.view import DeadLetter
from shared.models import StaffActionKind


async def retry(
    database: Database, amqp_url: str, project: ProjectAnswer, by: str | Caller, reason: str | None
) -> Report:
    """Send the project's failed steps back to their services, without waiting for what becomes of them.

    What cannot be written down in the log of changes is not sent.

    Raises:
        BrokerAwayError: RabbitMQ does not answer; nothing was sent.

    """
    wanted = Filter(project=str(project.id))

    async def beside(connection: AsyncConnection, letters: Sequence[DeadLetter]) -> None:
        kind, subject = StaffActionKind.RETRIED, subject_of(project)
        steps = [letter.consumer for letter in letters]
        await record(connection, by, kind, subject, project_id=project.id, reason=reason, steps=steps)

    who = Operator(name=name_of(by), reason=reason or None)
    return await replay(database, amqp_url, lambda view: wanted.keep(view.letters), who, Plan(wait=0), beside=beside)
