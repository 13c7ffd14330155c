"""Notify's composition root."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from contracts import (
    CapacityNeeded,
    CertificateExpiring,
    CoreHealthy,
    DnsRecordsNeeded,
    DomainConnected,
    DomainExpiring,
    DomainRegistered,
    DomainRegistrationHeld,
    DomainTransferFailed,
    DomainTransferred,
    DomainTransferStarted,
    Event,
    MailDomainReady,
    MailRecordsNeeded,
    MailResendRequested,
    ProjectCancelled,
    ProjectOrdered,
    ProvisioningDelayed,
    ProvisioningFailed,
    ServiceName,
    WebhookDisabled,
)
from services.notify import handlers
from services.notify.models import Mail
from services.notify.post import Post, mailbox
from services.notify.settings import NotifySettings
from services.notify.smtp import MailServer, Smtp
from services.notify.watch import watch
from shared.database import open_database
from shared.grants import ALL, Grant
from shared.outcome import Outcome
from shared.service import Check, Consumer, Service
from shared.settings import load
from shared.step import Step

WITHOUT_PROJECT = (ProjectOrdered, ProjectCancelled, ProvisioningDelayed, ProvisioningFailed, WebhookDisabled)
"""Events that do not wait until their project is known: it may never be."""

OF_CANCELLED = (ProvisioningFailed, MailResendRequested)
"""Events that are told of cancelled projects, too: an undo may have failed, a person may wish it."""

Tell = Callable[[Post, Any, Step], Awaitable[Outcome]]

TELLS: tuple[tuple[type[Event], Tell], ...] = (
    (ProjectOrdered, handlers.tell_ordered),
    (CoreHealthy, handlers.tell_live),
    (CapacityNeeded, handlers.tell_capacity_needed),
    (DnsRecordsNeeded, handlers.tell_records_needed),
    (DomainConnected, handlers.tell_connected),
    (DomainRegistered, handlers.tell_domain_registered),
    (DomainRegistrationHeld, handlers.tell_registration_held),
    (DomainExpiring, handlers.tell_domain_expiring),
    (CertificateExpiring, handlers.tell_certificate_expiring),
    (MailRecordsNeeded, handlers.tell_mail_records_needed),
    (MailDomainReady, handlers.tell_mail_ready),
    (DomainTransferStarted, handlers.tell_transfer_started),
    (DomainTransferFailed, handlers.tell_transfer_failed),
    (DomainTransferred, handlers.tell_transferred),
    (ProvisioningDelayed, handlers.tell_delayed),
    (ProvisioningFailed, handlers.tell_failed),
    (ProjectCancelled, handlers.tell_cancelled),
    (MailResendRequested, handlers.send_again),
    (WebhookDisabled, handlers.tell_webhook_disabled),
)


@asynccontextmanager
async def notify() -> AsyncIterator[Service]:
    """Yield the service; its connections to the mail server, and the watch's to the database, end with the block."""
    settings = load(NotifySettings)
    sender = mailbox(settings.mail_from.name, settings.mail_from.email)
    # EHLO names the sender's domain: a container's own host name means nothing outside.
    server = MailServer.parse(settings.smtp_url.get_secret_value())
    smtp = Smtp(server, greeting=sender.domain, lease=settings.lease_seconds)
    post = Post(smtp, sender=sender, case_workers=settings.case_workers, status_links=settings.status_links)
    database = open_database(settings.model_copy(update={"database_pool_size": 1}), application_name="vrs notify watch")
    try:
        yield Service(
            name=ServiceName.NOTIFY,
            consumers=tuple(_consumer(event, partial(tell, post)) for event, tell in TELLS),
            publishes=(ProvisioningDelayed,),
            background={"delays": watch(database.engine)},
            grants=(Grant(Mail, ALL),),
            checks=(Check(what="mail server", run=smtp.check),),
        )
    finally:
        await smtp.aclose()
        await database.engine.dispose()


def _consumer(event: type[Event], handler: Callable[[Any, Step], Awaitable[Outcome]]) -> Consumer:
    """Return a consumer whose death is a dead letter and no more: a mail that bounces makes no project fail.

    A ProvisioningFailed about a mail about a failure would go round for ever.
    """
    return Consumer(
        event=event,
        handler=handler,
        concurrency=16,
        deadline=timedelta(hours=24),
        fails_project=False,
        despite_cancellation=event in OF_CANCELLED,
        needs_project=event not in WITHOUT_PROJECT,
    )
