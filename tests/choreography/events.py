"""One project's events, each caused by the one before it, with made-up facts that the simulators know."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from contracts import (
    AppDeployed,
    CapacityNeeded,
    CertificateExpiring,
    CloudEvent,
    Contact,
    CoreHealthy,
    CustomerText,
    DnsConfigured,
    DnsRecord,
    DnsRecordsNeeded,
    DomainExpiring,
    DomainRegistered,
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    Event,
    Locale,
    MailResendRequested,
    Plugin,
    PluginsChanged,
    ProjectCancelled,
    ProjectOrdered,
    ProvisioningDelayed,
    ProvisioningFailed,
    RecordType,
    Registrant,
    Registration,
    RegistrationHold,
    RenewalDoubt,
    ServiceName,
    TargetServer,
    WebhookDisabled,
)

BASE_DOMAIN = "vrs.example"
PLUGINS = (Plugin(name="shop", version="2.3.1"), Plugin(name="blog", version="1.0.0"))
CUSTOMER = Contact(name="Erika Muster", email="erika@kunde-mit-domain.example")

SERVER = TargetServer(
    id="srv0000000000000000000001", name="srv-tenants-1", region="fsn1", ipv4="203.0.113.10", ipv6="2001:db8::10"
)
"""The first server of the Coolify simulator."""

OWNER = Registrant(
    name="Erika Muster",
    street="Rosenweg 5",
    postal_code="10115",
    city="Berlin",
    country="DE",
    phone="+49.301234567",
    email=CUSTOMER.email,
)
MAX_CENTS = 1500

EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True)
class Story:
    """One project from its order on. What is true of the event before is the cause of each event.

    `is_new`: its own domain is to be registered.
    """

    own_domain: str | None = None
    is_new: bool = False
    plugins: tuple[Plugin, ...] = PLUGINS
    slug: str = field(default_factory=lambda: f"p-{uuid4().hex[:12]}")
    project_id: UUID = field(default_factory=uuid4)

    @property
    def fqdn(self) -> str:
        """Where the project goes live."""
        return self.own_domain or f"{self.slug}.{BASE_DOMAIN}"

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

    def domain_expiring(self) -> CloudEvent[DomainExpiring]:
        """What dns says of a domain that nobody renews."""
        data = DomainExpiring(
            domain=self.fqdn,
            ends_at=datetime.now(UTC) + timedelta(days=6),
            days=7,
            reason=RenewalDoubt.NOT_RENEWED,
            renews_itself=False,
        )
        return self.event(data, ServiceName.DNS)

    def certificate_expiring(self) -> CloudEvent[CertificateExpiring]:
        """What bootstrap says of a certificate that was not renewed in time."""
        ends_at = datetime.now(UTC) + timedelta(days=6)
        data = CertificateExpiring(host=self.fqdn, issuer="Let's Encrypt", ends_at=ends_at, days=7)
        return self.event(data, ServiceName.BOOTSTRAP)

    def capacity_needed(self) -> CloudEvent[CapacityNeeded]:
        """What dns says of an order that no server has room for."""
        return self.event(CapacityNeeded(fqdn=self.fqdn, plan="starter", ahead=0, considered=()), ServiceName.DNS)

    def resend_requested(self, mail: str) -> CloudEvent[MailResendRequested]:
        """What the marketplace says of somebody who wishes that a mail is sent once more."""
        return self.event(MailResendRequested(mail=mail, requested_by="case worker"), ServiceName.MARKETPLACE)

    def webhook_disabled(self) -> CloudEvent[WebhookDisabled]:
        """What the marketplace says of a webhook; as if it were about the project, so that a test can follow it."""
        data = WebhookDisabled(endpoint=uuid4(), host="hooks.example", created_by="agency", reason="answered 500")
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
