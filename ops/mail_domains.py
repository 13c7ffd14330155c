"""Mail under a project's domain, asked for and published at once."""

from uuid import UUID

from contracts import MailDomainRequested
from ops.outbox import publish_now
from shared.database import Database
from shared.mail_domains import request_mail
from shared.marketplace_outbox import OURS
from shared.transaction import begin


async def ask_for_mail(database: Database, amqp_url: str, project_id: UUID, wish: MailDomainRequested) -> UUID:
    """Say MailDomainRequested; return the event's id.

    Raises:
        RefusedError: see `request_mail`.
        CommandError: the broker is away or no queue takes the event, which stays in the outbox.

    """
    async with begin(database) as transaction:
        event_id, message = await request_mail(transaction, project_id, wish, lease=OURS)
    done = f"mail under {wish.domain} is asked for; the event is"
    await publish_now(database, amqp_url, MailDomainRequested, message, done=done)
    return event_id
