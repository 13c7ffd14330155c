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
from services.marketplace.grants import GRANTS
from services.marketplace.project_metrics import count_projects
from services.marketplace.retention import dropping
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.web import serving, web
from services.marketplace.webhooks.deliver import delivering
from services.marketplace.webhooks.secrets import Seal
from services.marketplace.webhooks.send import WebhookClient
from shared.database import open_database
from shared.service import Service
from shared.settings import load


@asynccontextmanager
async def marketplace() -> AsyncIterator[Service]:
    """Yield a service without consumers: the kernel says the outbox rows that whoever takes orders has written."""
    settings = load(MarketplaceSettings)
    database = open_database(settings, application_name="vrs marketplace web")
    client = WebhookClient(settings.webhook_networks)
    background = [serving(web(database, settings), settings), dropping(database)]
    if settings.webhook_key is not None:
        background.append(delivering(database, Seal(settings.webhook_key), client))
    try:
        yield Service(
            name=ServiceName.MARKETPLACE,
            publishes=(
                *(ProjectOrdered, PluginsChanged, MailDomainRequested, DomainTransferRequested),
                *(DomainAdded, DomainRemoved, PrimaryDomainChanged, ProjectCancelled, DeadLetterHandled),
                *(WebhookDisabled, MailResendRequested),
            ),
            background=tuple(background),
            measures=(count_projects,),
            grants=GRANTS,
            replays=True,
        )
    finally:
        await client.aclose()
        await database.engine.dispose()
