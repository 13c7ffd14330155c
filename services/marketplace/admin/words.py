"""What states and steps are called: for people, in their language."""

from starlette_admin.i18n import lazy_gettext as _

from contracts import (
    AppDeployed,
    AppRouted,
    CoreHealthy,
    DeskActionKind,
    DnsConfigured,
    DomainAdded,
    DomainConnected,
    DomainRegistrationRequested,
    DomainRemoved,
    DomainTransferRequested,
    MailDomainRequested,
    PluginsChanged,
    PrimaryDomainChanged,
    ProjectCancelled,
    ProjectOrdered,
    RoutesChanged,
    ServiceName,
)
from services.marketplace.admin.health import Health
from shared.cancelling import PartState
from shared.domain_wishes import DomainState
from shared.mail_domains import MailState
from shared.messaging.topology import queue_name
from shared.models import (
    LicenseState,
    ProvisioningState,
    ServerReach,
    ServerState,
    StaffActionKind,
    StaffRole,
    TransferStage,
)

STATES = {
    ProvisioningState.ORDERED: _("ordered"),
    ProvisioningState.WAITING_FOR_CAPACITY: _("waits for a server"),
    ProvisioningState.WAITING_FOR_CUSTOMER: _("waits for the customer"),
    ProvisioningState.WAITING_FOR_DOMAIN: _("domain is being registered"),
    ProvisioningState.DNS_CONFIGURED: _("domain is set up"),
    ProvisioningState.APP_DEPLOYED: _("app is installed"),
    ProvisioningState.LIVE: _("live"),
    ProvisioningState.FAILED: _("needs help"),
    ProvisioningState.CANCELLING: _("is being cancelled"),
    ProvisioningState.CANCELLED: _("cancelled"),
}
TONES = {
    ProvisioningState.WAITING_FOR_CAPACITY: "waiting",
    ProvisioningState.WAITING_FOR_CUSTOMER: "waiting",
    ProvisioningState.WAITING_FOR_DOMAIN: "waiting",
    ProvisioningState.LIVE: "done",
    ProvisioningState.FAILED: "failed",
    ProvisioningState.CANCELLING: "waiting",
    ProvisioningState.CANCELLED: "quiet",
}
"""How a state looks; one that is not named here is under way."""

ROLES = {
    StaffRole.CASE_WORKER: _("case worker"),
    StaffRole.OPERATOR: _("operator"),
    StaffRole.ADMIN: _("administrator"),
}
SERVER_STATES = {ServerState.ACTIVE: _("takes new projects"), ServerState.DRAINING: _("takes no new projects")}
REACHES = {
    ServerReach.USABLE: _("reachable"),
    ServerReach.UNREACHABLE: _("cannot be reached"),
    ServerReach.UNUSABLE: _("not ready"),
    ServerReach.UNKNOWN: _("unknown to Coolify"),
}
HEALTH = {
    Health.READY: _("ready"),
    Health.NOT_READY: _("does not get on"),
    Health.AWAY: _("does not answer"),
    Health.LISTENS: _("takes work"),
    Health.SILENT: _("takes no work"),
    Health.UNKNOWN: _("not known"),
}
HEALTH_TONES = {
    Health.READY: "done",
    Health.LISTENS: "done",
    Health.NOT_READY: "waiting",
    Health.AWAY: "failed",
    Health.SILENT: "failed",
    Health.UNKNOWN: "quiet",
}
BACKLOG = {
    "queued": _("in the queue"),
    "running": _("running"),
    "waiting": _("waiting"),
    "failed": _("failed"),
}
LICENCES = {
    LicenseState.PENDING: _("begins when the project is live"),
    LicenseState.ACTIVE: _("in force"),
    LicenseState.ENDED: _("ended"),
}
DOMAINS = {
    DomainState.SETTING_UP: _("is being set up"),
    DomainState.WAITING_FOR_CUSTOMER: _("waits for the customer's DNS entries"),
    DomainState.CONNECTING: _("is being connected"),
    DomainState.CONNECTED: _("works"),
    DomainState.REMOVING: _("is being removed"),
}
MAIL = {
    MailState.SETTING_UP: _("is being set up"),
    MailState.WAITING: _("waits for DNS entries"),
    MailState.READY: _("mail can be sent"),
}
TRANSFERS = {
    TransferStage.REQUESTED: _("the move to us is prepared"),
    TransferStage.FAILED: _("the move to us waits for an answer"),
    TransferStage.INTENDED: _("the move to us is ordered"),
    TransferStage.PENDING: _("the move to us is under way"),
    TransferStage.TRANSFERRED: _("has moved to us"),
}
PARTS = {
    PartState.ASKED: _("is asked"),
    PartState.UNDOING: _("is being undone"),
    PartState.WAITING: _("waits"),
    PartState.UNDONE: _("is undone"),
    PartState.GIVEN_UP: _("needs help"),
}
DONE = {
    StaffActionKind.SIGNED_IN: _("signed in"),
    StaffActionKind.USER_MADE: _("came for the first time"),
    StaffActionKind.USER_REMOVED: _("removed a user"),
    StaffActionKind.ROLE_CHANGED: _("came with another role"),
    StaffActionKind.PASSWORD_CHANGED: _("changed the password"),
    StaffActionKind.ORDERED: _("placed the order"),
    StaffActionKind.RETRIED: _("tried the failed step again"),
    StaffActionKind.CANCELLED: _("cancelled the project"),
    StaffActionKind.NOTED: _("wrote a note"),
    StaffActionKind.TAKEN: _("took care of it"),
    StaffActionKind.PREVIEW_MADE: _("made a preview link"),
    StaffActionKind.PREVIEW_ENDED: _("ended a preview link"),
    StaffActionKind.MAIL_RESENT: _("had a mail sent again"),
    StaffActionKind.REPLAYED: _("tried several failed orders again"),
    StaffActionKind.CORRECTED: _("corrected a failed order"),
    StaffActionKind.SERVER_ADDED: _("added a server"),
    StaffActionKind.SERVER_MOVED: _("changed whether a server takes projects"),
    StaffActionKind.SERVER_REMOVED: _("removed a server"),
    StaffActionKind.DOMAIN_ADDED: _("added a base domain"),
    StaffActionKind.DOMAIN_REMOVED: _("removed a base domain"),
    StaffActionKind.PROJECT_DOMAIN_ADDED: _("added a domain to the project"),
    StaffActionKind.PROJECT_DOMAIN_REMOVED: _("removed a domain of the project"),
    StaffActionKind.PRIMARY_CHANGED: _("changed the primary domain"),
    StaffActionKind.REGISTRATION_ANSWERED: _("answered the registration of the domain"),
    StaffActionKind.TRANSFER_ASKED: _("asked for the transfer of a domain"),
    StaffActionKind.TRANSFER_WITHDRAWN: _("withdrew the transfer of a domain"),
    StaffActionKind.MAIL_DOMAIN_ASKED: _("asked for mail under a domain"),
    StaffActionKind.WEBHOOK_MADE: _("made a webhook"),
    StaffActionKind.WEBHOOK_CHANGED: _("changed a webhook"),
    StaffActionKind.WEBHOOK_REMOVED: _("removed a webhook"),
    StaffActionKind.WEBHOOK_SECRET_CHANGED: _("changed a webhook's secret"),
    StaffActionKind.DELIVERY_RETRIED: _("had an event sent to a webhook again"),
    StaffActionKind.PRICE_SET: _("set a price"),
    StaffActionKind.PRICE_REMOVED: _("removed a price"),
    StaffActionKind.BUNDLE_SET: _("changed a bundle"),
    StaffActionKind.BUNDLE_REMOVED: _("removed a bundle"),
    StaffActionKind.TYPE_SET: _("changed a project type"),
}
DESK = {
    DeskActionKind.REPLAY: _("tried it again"),
    DeskActionKind.EDIT: _("corrected the order"),
    DeskActionKind.DISCARD: _("put the problem aside"),
}
"""What operators do with failed orders; anything else is told in the desk's own word."""

EVENT_FIELDS = {
    "slug": _("Name below our domain"),
    "base_domain": _("Our domain"),
    "own_domain": _("The customer's domain"),
    "project_type": _("Type"),
    "plan": _("Plan"),
    "plugins": _("Plugins"),
    "locale": _("Language of the mails"),
    "region": _("Region"),
    "placement": _("How the server is chosen"),
    "registration": _("Registration of the domain"),
    "customer.name": _("Customer"),
    "customer.email": _("The customer's e-mail"),
    "fqdn": _("Address of the project"),
    "records": _("DNS entries"),
    "server.name": _("Server"),
    "image": _("Image"),
    "tag": _("Version"),
}
"""What people call the values of an event, by their path; any other is shown by its path alone."""

PARTS_OF_WORK = {
    ServiceName.MARKETPLACE: _("Order"),
    ServiceName.DNS: _("Domain"),
    ServiceName.DEPLOY: _("Installation"),
    ServiceName.BOOTSTRAP: _("Start and plugins"),
    ServiceName.NOTIFY: _("Mail"),
}
"""What a service does, by its name."""

STEPS = {
    queue_name(service, event): label
    for service, event, label in (
        (ServiceName.DNS, ProjectOrdered, _("Set up the domain")),
        (ServiceName.DEPLOY, DnsConfigured, _("Install the app on the server")),
        (ServiceName.BOOTSTRAP, AppDeployed, _("Start and load plugins")),
        (ServiceName.NOTIFY, CoreHealthy, _("Tell the customer")),
    )
}
"""The way of an order, by consumer."""

BESIDE = {
    queue_name(service, event): label
    for service, event, label in (
        (ServiceName.DNS, DomainRegistrationRequested, _("Register the domain")),
        (ServiceName.DNS, DomainTransferRequested, _("Bring the domain to us")),
        (ServiceName.DNS, DomainAdded, _("Add a domain")),
        (ServiceName.DNS, DomainConnected, _("Look whether the added domain works")),
        (ServiceName.DNS, DomainRemoved, _("Remove a domain")),
        (ServiceName.DNS, PrimaryDomainChanged, _("Change the primary domain")),
        (ServiceName.DNS, MailDomainRequested, _("Set up mail under the domain")),
        (ServiceName.DEPLOY, RoutesChanged, _("Connect the app to its domains")),
        (ServiceName.BOOTSTRAP, AppRouted, _("Look at the domains' certificates")),
        (ServiceName.BOOTSTRAP, PluginsChanged, _("Change the plugins")),
    )
}
"""What is done beside the way of an order, by consumer."""


def step_name(consumer: str) -> str:
    """What people call a step."""
    if consumer in STEPS or consumer in BESIDE:
        return STEPS.get(consumer) or BESIDE[consumer]
    service, _hyphen, event = consumer.partition(".")
    if event == ProjectCancelled.hyphenated():
        return _("Undo: %(part)s") % {"part": part_of_work(service)}
    return part_of_work(service)


def part_of_work(service: str) -> str:
    """What a service does, by a name that may be none of ours."""
    return PARTS_OF_WORK[ServiceName(service)] if service in set(ServiceName) else service


def done(kind: str, source: str) -> str:
    """What somebody did, in the pages (``staff``) or at the operators' desk."""
    if source == "staff":
        return DONE[StaffActionKind(kind)]
    return DESK.get(DeskActionKind(kind), kind)
