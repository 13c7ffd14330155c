"""The dns service, put together: the only place of it that builds anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from contracts import (
    CapacityNeeded,
    CustomerText,
    DnsConfigured,
    DnsRecordsNeeded,
    DnsReleased,
    DomainAdded,
    DomainExpiring,
    DomainRegistered,
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    DomainTransferFailed,
    DomainTransferred,
    DomainTransferRequested,
    DomainTransferStarted,
    MailDomainReady,
    MailDomainReleased,
    MailDomainRequested,
    MailRecordsNeeded,
    ProjectCancelled,
    ProjectOrdered,
    RoutesChanged,
    ServiceName,
)
from services.dns.authority import Authority
from services.dns.capacity import wake_when_free
from services.dns.checks import checks
from services.dns.customer import CustomerPatience
from services.dns.expiry import watch_domains
from services.dns.grants import GRANTS
from services.dns.handlers.domains import Domains
from services.dns.handlers.mail_domain_requested import ConnectMail
from services.dns.handlers.project_cancelled import ReleaseDns
from services.dns.handlers.project_ordered import ConfigureDns
from services.dns.handlers.registration_requested import RegisterDomain
from services.dns.handlers.transfer_requested import TransferDomain
from services.dns.inwx import Inwx
from services.dns.mail.brevo import open_brevo
from services.dns.offers import answer_offers
from services.dns.reconcile import DnsReconciler, session_of
from services.dns.registrar import Registrar
from services.dns.registration import wake_when_registered
from services.dns.retention import forget_in_time
from services.dns.settings import DnsSettings
from services.dns.transfer import wake_when_answered
from services.dns.transfer_zone import TransferZone
from services.dns.withdrawal import WithdrawTransfer
from shared.database import open_database
from shared.http import http_client
from shared.plans import read_plans
from shared.reconcile.measure import reconciliation_of
from shared.reconcile.watch import watch
from shared.seal import Seal
from shared.service import Consumer, Service
from shared.settings import load

MAIL_DEADLINE = timedelta(hours=6)
"""Brevo's limit is by the hour: whoever is over it may have to wait for so long."""

FAILED = CustomerText(
    de="Die Internetadresse Ihres Projekts konnte noch nicht eingerichtet werden. Wir kümmern uns darum.",
    en="The address of your project could not be set up yet. We are taking care of it.",
)


@asynccontextmanager
async def dns() -> AsyncIterator[Service]:
    """Read the settings, open the INWX client and a small pool for the background work, give the service."""
    settings = load(DnsSettings)
    database = open_database(
        settings.model_copy(update={"database_pool_size": 2}), application_name="vrs dns background"
    )
    try:
        lease = settings.lease_seconds
        async with (
            http_client(lease=lease) as http,
            open_brevo(str(settings.brevo_url), settings.brevo_api_key, lease=lease) as brevo,
        ):
            session = session_of(settings, http)
            inwx, authority = Inwx(session), Authority(settings.dns_servers)
            registrar = Registrar(session, name_servers=settings.inwx_name_servers)
            patience = CustomerPatience(
                gives_up_after=timedelta(days=settings.customer_days),
                look_after=settings.customer_look_after,
                look_at_most=settings.customer_look_at_most,
            )
            configure = ConfigureDns(
                inwx=inwx,
                authority=authority,
                record_ttl=settings.record_ttl,
                placement=settings.placement,
                weights=settings.weights,
                plans=read_plans(),
                inwx_grace=settings.inwx_grace,
                patience=patience,
            )
            domains = Domains(
                inwx=inwx,
                authority=authority,
                record_ttl=settings.record_ttl,
                inwx_grace=settings.inwx_grace,
                patience=patience,
            )
            connect_mail = ConnectMail(
                brevo=brevo,
                inwx=inwx,
                authority=authority,
                record_ttl=settings.record_ttl,
                inwx_grace=settings.inwx_grace,
                patience=patience,
            )
            release = ReleaseDns(inwx=inwx, registrar=registrar, brevo=brevo, inwx_grace=settings.inwx_grace)
            register = RegisterDomain(registrar=registrar, inwx=inwx, inwx_grace=settings.inwx_grace)
            transfer = TransferDomain(
                registrar=registrar,
                zone=TransferZone(
                    inwx=inwx,
                    authority=authority,
                    name_servers=settings.inwx_name_servers,
                    record_ttl=settings.record_ttl,
                ),
                withdraw=WithdrawTransfer(inwx=inwx, registrar=registrar, inwx_grace=settings.inwx_grace),
                seal=Seal(settings.transfer_key) if settings.transfer_key else None,
                inwx_grace=settings.inwx_grace,
                gives_up_after=timedelta(days=settings.transfer_days),
            )
            reconciler = DnsReconciler(inwx, database, grace=settings.inwx_grace)
            yield Service(
                name=ServiceName.DNS,
                consumers=(
                    Consumer(
                        event=ProjectOrdered,
                        handler=configure,
                        concurrency=32,
                        deadline=timedelta(seconds=settings.dns_deadline),
                        due=timedelta(seconds=settings.dns_due),
                        next_due=timedelta(seconds=settings.deploy_due),
                        introduces_project=True,
                        needs_project=False,
                        failed_text=FAILED,
                    ),
                    Consumer(
                        event=DomainRegistrationRequested,
                        handler=register,
                        concurrency=16,
                        deadline=timedelta(seconds=settings.dns_deadline),
                        failed_text=FAILED,
                    ),
                    *(
                        Consumer(
                            event=event,
                            handler=handler,
                            concurrency=8,
                            deadline=timedelta(seconds=settings.dns_deadline),
                            fails_project=False,  # the project is live, and what worked before still works
                            serial=True,
                        )
                        for event, handler in domains.handlers.items()
                    ),
                    Consumer(
                        event=MailDomainRequested,
                        handler=connect_mail,
                        concurrency=8,
                        deadline=MAIL_DEADLINE,
                        fails_project=False,
                    ),
                    Consumer(
                        event=DomainTransferRequested,
                        handler=transfer,
                        concurrency=8,
                        deadline=timedelta(seconds=settings.dns_deadline),
                        fails_project=False,  # it is live, where it was
                        serial=True,
                    ),
                    Consumer(
                        event=ProjectCancelled,
                        handler=release,
                        concurrency=32,
                        deadline=timedelta(hours=1),
                        needs_project=False,
                        failed_text=FAILED,
                    ),
                ),
                publishes=(
                    DnsConfigured,
                    CapacityNeeded,
                    DnsRecordsNeeded,
                    DomainRegistrationRequested,
                    DomainRegistrationHeld,
                    DomainRegistered,
                    RoutesChanged,
                    DomainTransferStarted,
                    DomainTransferFailed,
                    DomainTransferred,
                    DomainAdded,
                    DomainExpiring,
                    DnsReleased,
                    MailRecordsNeeded,
                    MailDomainReady,
                    MailDomainReleased,
                ),
                background={
                    "capacity": wake_when_free(database.engine, settings.weights),
                    "registrations": wake_when_registered(database.engine),
                    "transfers": wake_when_answered(database.engine),
                    "offers": answer_offers(registrar, database.engine),
                    "reconciliation": watch(reconciler, database),
                    "what ends soon": watch_domains(database, registrar),
                    "retention": forget_in_time(
                        database.engine,
                        settings.amqp_url.get_secret_value(),
                        keep=timedelta(days=settings.retention_days),
                    ),
                },
                measures=(reconciliation_of(ServiceName.DNS),),
                grants=GRANTS,
                checks=checks(inwx, authority, brevo),
            )
    finally:
        await database.engine.dispose()
