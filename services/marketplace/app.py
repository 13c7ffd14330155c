"""The marketplace's composition root."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts import (
    DeadLetterHandled,
    DomainAdded,
    DomainRemoved,
    DomainTransferRequested,
    MailDomainRequested,
    MailResendRequested,
    PluginsChanged,
    PrimaryDomainChanged,
    ProjectCancelled,
    ProjectOrdered,
    ServiceName,
    WebhookDisabled,
)
from services.marketplace.dead_letter_metrics import count_dead_letters
from services.marketplace.grants import GRANTS
from services.marketplace.listener import Listener
from services.marketplace.project_metrics import count_projects, count_what_waits_for_people
from services.marketplace.retention import dropping
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.web import web
from services.marketplace.webhooks.deliver import delivering
from services.marketplace.webhooks.metrics import count_webhooks
from services.marketplace.webhooks.secrets import Seal
from services.marketplace.webhooks.send import WebhookClient
from shared.database import open_database
from shared.service import Background, Service
from shared.settings import load


@asynccontextmanager
async def marketplace() -> AsyncIterator[Service]:
    """Yield a service without consumers: the kernel says the outbox rows that whoever takes orders has written."""
    settings = load(MarketplaceSettings)
    database = open_database(settings, application_name="vrs marketplace web")
    client = WebhookClient(settings.webhook_networks)
    listener = Listener(web(database, settings), settings)
    background: dict[str, Background] = {"HTTP": listener.serve, "retention": dropping(database)}
    if settings.webhook_key is not None:
        background["webhooks"] = delivering(database, Seal(settings.webhook_key), client)
    try:
        yield Service(
            name=ServiceName.MARKETPLACE,
            publishes=(
                *(ProjectOrdered, PluginsChanged, MailDomainRequested, DomainTransferRequested),
                *(DomainAdded, DomainRemoved, PrimaryDomainChanged, ProjectCancelled, DeadLetterHandled),
                *(WebhookDisabled, MailResendRequested),
            ),
            background=background,
            readiness=(listener.trouble,),
            measures=(count_projects, count_what_waits_for_people, count_dead_letters, count_webhooks),
            grants=GRANTS,
            replays=True,
        )
    finally:
        await client.aclose()
        await database.engine.dispose()
