"""One project's events, each caused by the one before it, with made-up facts that the simulators know."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import contracts
from contracts import (
    AppDeployed,
    AppRouted,
    CapacityNeeded,
    CloudEvent,
    CoreHealthy,
    CustomerText,
    DnsConfigured,
    DnsRecord,
    DnsRecordsNeeded,
    DomainAdded,
    DomainConnected,
    DomainRegistered,
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    Event,
    Locale,
    Plugin,
    PluginsChanged,
    ProjectCancelled,
    ProjectOrdered,
    ProvisioningDelayed,
    ProvisioningFailed,
    RecordType,
    Registration,
    RegistrationHold,
    ServiceName,
)
from shared.host_claims import own_hosts
from tests.choreography.facts import BASE_DOMAIN, CUSTOMER, MAX_CENTS, OWNER, PLUGINS, SERVER

EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True)
class Story:
    """One project from its order on, each event caused by the one before. `is_new`: its domain is to be registered."""

    own_domain: str | None = None
    is_new: bool = False
    plugins: tuple[Plugin, ...] = PLUGINS
    slug: str = field(default_factory=lambda: f"p-{uuid4().hex[:12]}")
    project_id: UUID = field(default_factory=uuid4)

    @property
    def fqdn(self) -> str:
        """Where the project goes live."""
        return self.own_domain or f"{self.slug}.{BASE_DOMAIN}"

    @property
    def second(self) -> str:
        """Another domain of the customer's."""
        return f"{self.slug}-2.example"

    def ordered(self, **more: Any) -> CloudEvent[ProjectOrdered]:
        """The customer's order."""
        data = ProjectOrdered(
            slug=self.slug,
            base_domain=None if self.own_domain else BASE_DOMAIN,
            own_domain=self.own_domain,
            plan="starter",
            plugins=self.plugins,
            customer=CUSTOMER,
            registration=Registration(registrant=OWNER, max_cents=MAX_CENTS) if self.is_new else None,
            **more,
        )
        return self.event(data, ServiceName.MARKETPLACE)

    def configured(self) -> CloudEvent[DnsConfigured]:
        """What dns says."""
        data = DnsConfigured(fqdn=self.fqdn, records=self.records(), server=SERVER, placement_reason="the only one")
        return self.event(data, ServiceName.DNS)

    def deployed(self) -> CloudEvent[AppDeployed]:
        """What deploy says."""
        data = AppDeployed(
            fqdn=self.fqdn,
            url=f"https://{self.fqdn}",
            image="ghcr.io/vrs/vrs-core",
            tag="1.0.0",
            server=SERVER,
            application="app000000000000000000001",
            deployment="dep000000000000000000001",
        )
        return self.event(data, ServiceName.DEPLOY)

    def healthy(self) -> CloudEvent[CoreHealthy]:
        """What bootstrap says."""
        data = CoreHealthy(fqdn=self.fqdn, url=f"https://{self.fqdn}", core_version="1.0.0", plugins=self.plugins)
        return self.event(data, ServiceName.BOOTSTRAP)

    def records_needed(self) -> CloudEvent[DnsRecordsNeeded]:
        """What dns says of a domain that is held elsewhere."""
        return self.event(DnsRecordsNeeded(fqdn=self.fqdn, records=self.records()), ServiceName.DNS)

    def registration_requested(self) -> CloudEvent[DomainRegistrationRequested]:
        """What dns says to itself of a domain that is to be registered."""
        return self.event(DomainRegistrationRequested(domain=self.fqdn, max_cents=MAX_CENTS), ServiceName.DNS)

    def registered(self) -> CloudEvent[DomainRegistered]:
        """What dns says of a domain that it has registered."""
        ends_at = datetime.now(UTC) + timedelta(days=365)
        data = DomainRegistered(domain=self.fqdn, cents=465, expires_at=ends_at, is_renewed=True)
        return self.event(data, ServiceName.DNS)

    def registration_held(self) -> CloudEvent[DomainRegistrationHeld]:
        """What dns says of a domain that costs more than was agreed."""
        reason = RegistrationHold.TOO_EXPENSIVE
        data = DomainRegistrationHeld(domain=self.fqdn, reason=reason, message="it costs 900.00 EUR", cents=90_000)
        return self.event(data, ServiceName.DNS)

    def mail_requested(self, *, mx: bool = False) -> CloudEvent[contracts.MailDomainRequested]:
        """What the marketplace says when mail is to be sent under the project's own domain."""
        data = contracts.MailDomainRequested(domain=self.fqdn, mx=mx, requested_by="case worker")
        return self.event(data, ServiceName.MARKETPLACE)

    def mail_records_needed(self, *, is_ours: bool = False) -> CloudEvent[contracts.MailRecordsNeeded]:
        """What dns says of records for mail that are missing."""
        text = CustomerText(de="Der Eintrag fehlt.", en="The record is missing.")
        missing = contracts.MailFinding(
            problem=contracts.MailProblem.MISSING, name=self.fqdn, type=contracts.MailRecordType.TXT, text=text
        )
        data = contracts.MailRecordsNeeded(domain=self.fqdn, is_ours=is_ours, records=(), findings=(missing,))
        return self.event(data, ServiceName.DNS)

    def mail_records_wrong(self) -> CloudEvent[contracts.MailRecordsNeeded]:
        """The same of a zone in our account."""
        return self.mail_records_needed(is_ours=True)

    @property
    def moving_domain(self) -> str:
        """The domain that comes from another registrar for the project."""
        return f"{self.slug}-moves.example"

    def transfer_requested(self) -> CloudEvent[contracts.DomainTransferRequested]:
        """What the marketplace says of a domain that is to come to us."""
        data = contracts.DomainTransferRequested(
            domain=self.moving_domain, max_cents=MAX_CENTS, requested_by="case worker"
        )
        return self.event(data, ServiceName.MARKETPLACE)

    def transfer_started(self) -> CloudEvent[contracts.DomainTransferStarted]:
        """What dns says of a domain that is on its way."""
        return self.event(
            contracts.DomainTransferStarted(domain=self.moving_domain, cents=465, kept_records=3), ServiceName.DNS
        )

    def transfer_failed(self) -> CloudEvent[contracts.DomainTransferFailed]:
        """What dns says of an auth code that is wrong."""
        data = contracts.DomainTransferFailed(
            domain=self.moving_domain,
            problem=contracts.TransferProblem.AUTH_CODE_WRONG,
            message="INWX answered domain.transfer with 2202",
            text=CustomerText(de="Der Auth-Code ist falsch.", en="The auth code is wrong."),
            cents=465,
        )
        return self.event(data, ServiceName.DNS)

    def transferred(self) -> CloudEvent[contracts.DomainTransferred]:
        """What dns says of a domain that has come."""
        return self.event(
            contracts.DomainTransferred(domain=self.moving_domain, cents=465, is_renewed=True), ServiceName.DNS
        )

    def domain_expiring(self) -> CloudEvent[contracts.DomainExpiring]:
        """What dns says of a domain that nobody renews."""
        reason, ends_at = contracts.RenewalDoubt.NOT_RENEWED, datetime.now(UTC) + timedelta(days=6)
        data = contracts.DomainExpiring(domain=self.fqdn, ends_at=ends_at, days=7, reason=reason, renews_itself=False)
        return self.event(data, ServiceName.DNS)

    def certificate_expiring(self) -> CloudEvent[contracts.CertificateExpiring]:
        """What bootstrap says of a certificate that was not renewed in time."""
        ends_at = datetime.now(UTC) + timedelta(days=6)
        data = contracts.CertificateExpiring(host=self.fqdn, issuer="Let's Encrypt", ends_at=ends_at, days=7)
        return self.event(data, ServiceName.BOOTSTRAP)

    def capacity_needed(self) -> CloudEvent[CapacityNeeded]:
        """What dns says of an order that no server has room for."""
        return self.event(CapacityNeeded(fqdn=self.fqdn, plan="starter", ahead=0, considered=()), ServiceName.DNS)

    def resend_requested(self, mail: str) -> CloudEvent[contracts.MailResendRequested]:
        """What the marketplace says of somebody who wishes that a mail is sent once more."""
        return self.event(contracts.MailResendRequested(mail=mail, requested_by="case worker"), ServiceName.MARKETPLACE)

    def webhook_disabled(self) -> CloudEvent[contracts.WebhookDisabled]:
        """What the marketplace says of a webhook; as if it were about the project, so that a test can follow it."""
        data = contracts.WebhookDisabled(
            endpoint=uuid4(), host="hooks.example", created_by="agency", reason="answered 500"
        )
        return self.event(data, ServiceName.MARKETPLACE)

    def delayed(self) -> CloudEvent[ProvisioningDelayed]:
        """What is said of a step that is late."""
        data = ProvisioningDelayed(
            step=ServiceName.DEPLOY, reason="Coolify is busy", due_at=datetime.now(UTC) - timedelta(minutes=5)
        )
        return self.event(data, ServiceName.NOTIFY)

    def failed(self) -> CloudEvent[ProvisioningFailed]:
        """What a service says that gave up."""
        data = ProvisioningFailed(
            step=ServiceName.DEPLOY,
            reason_code="coolify_403",
            message="Coolify answers 403",
            customer_text=CustomerText(de="Wir kümmern uns darum.", en="We are on it."),
            dead_letter_id=uuid4(),
        )
        return self.event(data, ServiceName.DEPLOY)

    def changed(self, *plugins: Plugin) -> CloudEvent[PluginsChanged]:
        """What the marketplace says of plugins that were bought or given up later: these are licensed now."""
        changed = tuple(dict.fromkeys(plugin.name for plugin in {*plugins} ^ {*self.plugins}))
        return self.event(
            PluginsChanged(plugins=plugins, changed=changed, requested_by="case worker"), ServiceName.MARKETPLACE
        )

    def added(self, domain: str, *, primary: bool = False) -> CloudEvent[DomainAdded]:
        """What the marketplace says of a domain that the project is given."""
        return self.event(DomainAdded(domain=domain, primary=primary), ServiceName.MARKETPLACE)

    def removed(self, domain: str) -> CloudEvent[contracts.DomainRemoved]:
        """What the marketplace says of a domain that the project is to lose."""
        return self.event(contracts.DomainRemoved(domain=domain), ServiceName.MARKETPLACE)

    def primary_changed(self, domain: str) -> CloudEvent[contracts.PrimaryDomainChanged]:
        """What the marketplace says of the domain to which the others are to redirect."""
        return self.event(contracts.PrimaryDomainChanged(domain=domain), ServiceName.MARKETPLACE)

    def routed_domains(self, *added: str) -> tuple[contracts.RoutedDomain, ...]:
        """The project's domain, and those that were added, each in a revision of its own."""
        return (
            contracts.RoutedDomain(domain=self.fqdn, hosts=(self.fqdn,), since=0),
            *(
                contracts.RoutedDomain(domain=name, hosts=own_hosts(name), since=since)
                for since, name in enumerate(added, 1)
            ),
        )

    def routes_changed(self, *added: str, revision: int = 1, primary: str = "") -> CloudEvent[contracts.RoutesChanged]:
        """What dns says of all the project's domains."""
        data = contracts.RoutesChanged(
            revision=revision, domains=self.routed_domains(*added), primary=primary or self.fqdn, server=SERVER
        )
        return self.event(data, ServiceName.DNS)

    def routed(self, *added: str, revision: int = 1, primary: str = "") -> CloudEvent[AppRouted]:
        """What deploy says of them."""
        data = AppRouted(
            revision=revision,
            domains=self.routed_domains(*added),
            primary=primary or self.fqdn,
            application="app000000000000000000001",
            deployment="dep000000000000000000002",
        )
        return self.event(data, ServiceName.DEPLOY)

    def connected(self, domain: str = "", *, since: int = 1) -> CloudEvent[DomainConnected]:
        """What bootstrap says of a domain that works."""
        name = domain or self.second
        data = DomainConnected(domain=name, url=f"https://{name}", since=since)
        return self.event(data, ServiceName.BOOTSTRAP)

    def cancelled(self, **more: Any) -> CloudEvent[ProjectCancelled]:
        """What the marketplace says of a customer who changed their mind."""
        data = ProjectCancelled(reason="changed their mind", requested_by="case worker", **more)
        return self.event(data, ServiceName.MARKETPLACE)

    def order_row(self) -> dict[str, Any]:
        """The order as dns writes it down."""
        return {
            "project_id": self.project_id,
            "correlation_id": self.project_id,
            "slug": self.slug,
            "fqdn": self.fqdn,
            "base_domain": None if self.own_domain else BASE_DOMAIN,
            "project_type": "vrs-core",
            "plan": "starter",
            "plugins": [plugin.model_dump(mode="json") for plugin in self.plugins],
            "locale": Locale.DE,
            "customer_name": CUSTOMER.name,
            "customer_email": CUSTOMER.email,
            "ordered_at": datetime.now(UTC),
        }

    def records(self) -> tuple[DnsRecord, ...]:
        """What makes the name lead to the server."""
        return (DnsRecord(name=self.fqdn, type=RecordType.A, content=str(SERVER.ipv4)),)

    def event(self, data: EventT, service: ServiceName) -> CloudEvent[EventT]:
        """Put `data` into its envelope; the story is the project's."""
        return CloudEvent.of(data, source=service.value, project_id=self.project_id, correlation_id=self.project_id)
