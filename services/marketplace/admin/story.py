"""A project's story in plain sentences: what a log entry means to somebody who is not technical."""

from dataclasses import dataclass
from datetime import datetime

from starlette_admin.i18n import lazy_gettext as _

from contracts import (
    AppDeployed,
    AppRouted,
    CapacityNeeded,
    CertificateExpiring,
    CoreHealthy,
    DnsConfigured,
    DnsRecordsNeeded,
    DomainAdded,
    DomainConnected,
    DomainExpiring,
    DomainRegistered,
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    DomainRemoved,
    DomainTransferFailed,
    DomainTransferred,
    DomainTransferRequested,
    DomainTransferStarted,
    MailDomainReady,
    MailDomainRequested,
    MailRecordsNeeded,
    MailResendRequested,
    PluginsChanged,
    PrimaryDomainChanged,
    ProjectCancelled,
    ProjectOrdered,
    ProvisioningDelayed,
    ProvisioningFailed,
    RoutesChanged,
    ServiceName,
    WebhookDisabled,
)
from services.marketplace.admin.words import step_name
from services.marketplace.api.answers import LogEntry
from shared.expiry import EXPIRY
from shared.messaging.topology import queue_name
from shared.models import LATE, LogStatus

TONES = {
    LogStatus.COMPLETED: "done",
    LogStatus.DEAD: "failed",
    LogStatus.RETRYING: "waiting",
    LogStatus.WAITING: "waiting",
    LogStatus.PARKED: "waiting",
}
COMPLETED = {
    queue_name(service, event): said
    for service, event, said in (
        (ServiceName.DNS, ProjectOrdered, _("The domain is set up.")),
        (ServiceName.DNS, DomainRegistrationRequested, _("The domain is registered.")),
        (ServiceName.DNS, DomainTransferRequested, _("The domain has come to us.")),
        (ServiceName.DNS, DomainAdded, _("The added domain leads to the server.")),
        (ServiceName.DNS, DomainConnected, _("The added domain works.")),
        (ServiceName.DNS, DomainRemoved, _("The domain is removed.")),
        (ServiceName.DNS, PrimaryDomainChanged, _("The primary domain is changed.")),
        (ServiceName.DNS, MailDomainRequested, _("Mail under the domain is set up.")),
        (ServiceName.DNS, ProjectCancelled, _("The domain is given back.")),
        (ServiceName.DEPLOY, DnsConfigured, _("The app is installed on the server.")),
        (ServiceName.DEPLOY, RoutesChanged, _("The app answers under its domains.")),
        (ServiceName.DEPLOY, ProjectCancelled, _("The app is removed from the server.")),
        (ServiceName.BOOTSTRAP, AppDeployed, _("The project runs, its plugins are loaded: it is live.")),
        (ServiceName.BOOTSTRAP, AppRouted, _("The certificates of its domains were looked at.")),
        (ServiceName.BOOTSTRAP, PluginsChanged, _("The project has the plugins that it is to have now.")),
        (ServiceName.BOOTSTRAP, ProjectCancelled, _("The project's access is ended.")),
        (ServiceName.NOTIFY, ProjectOrdered, _("The customer was told that the order has arrived.")),
        (ServiceName.NOTIFY, MailResendRequested, _("A mail was sent again.")),
        (ServiceName.NOTIFY, CoreHealthy, _("The customer was told that the project is live.")),
        (ServiceName.NOTIFY, DnsRecordsNeeded, _("The customer was asked to set DNS entries.")),
        (ServiceName.NOTIFY, MailRecordsNeeded, _("The customer was asked to set DNS entries for mail.")),
        (ServiceName.NOTIFY, MailDomainReady, _("The customer was told that mail under the domain can be sent.")),
        (ServiceName.NOTIFY, CapacityNeeded, _("We were told that servers are full.")),
        (ServiceName.NOTIFY, DomainExpiring, _("We were told that its domain ends soon.")),
        (ServiceName.NOTIFY, CertificateExpiring, _("We were told that its certificate ends soon.")),
        (ServiceName.NOTIFY, DomainRegistered, _("The customer was told that the domain is registered.")),
        (ServiceName.NOTIFY, DomainRegistrationHeld, _("We were asked about the registration of the domain.")),
        (ServiceName.NOTIFY, DomainConnected, _("The customer was told that the added domain works.")),
        (ServiceName.NOTIFY, DomainTransferStarted, _("The customer was told that the domain is on its way to us.")),
        (ServiceName.NOTIFY, DomainTransferred, _("The customer was told that the domain has come to us.")),
        (ServiceName.NOTIFY, DomainTransferFailed, _("We and the customer were told why the domain does not come.")),
        (ServiceName.NOTIFY, ProvisioningDelayed, _("We were told that it takes longer.")),
        (ServiceName.NOTIFY, ProvisioningFailed, _("We and the customer were told that something went wrong.")),
        (ServiceName.NOTIFY, ProjectCancelled, _("The customer was told of the cancellation.")),
        (ServiceName.NOTIFY, WebhookDisabled, _("We were told that a webhook was switched off.")),
    )
}
_OTHERWISE = {
    LogStatus.COMPLETED: _("%(step)s: done."),
    LogStatus.DEAD: _("%(step)s: has failed."),
    LogStatus.RETRYING: _("%(step)s: did not work, is tried again."),
    LogStatus.WAITING: _("%(step)s: waits."),
    LogStatus.PARKED: _("%(step)s: waits."),
    LogStatus.SUPERSEDED: _("%(step)s: was replaced by a corrected order."),
    LogStatus.CANCELLED: _("%(step)s: was ended, the project is cancelled."),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the story. `technical` is the log's own sentence, in English."""

    id: int
    at: datetime
    text: str
    tone: str
    technical: str
    attempt: int
    duration_ms: int


def told(entry: LogEntry) -> Told:
    """Say an entry in the reader's language."""
    return Told(
        id=entry.id,
        at=entry.at,
        text=_sentence(entry),
        tone="waiting" if entry.step == LATE else TONES.get(entry.status, "quiet"),
        technical=f"{entry.consumer}: {entry.message}",
        attempt=entry.attempt,
        duration_ms=entry.duration_ms,
    )


def _sentence(entry: LogEntry) -> str:
    if entry.step == LATE:
        return str(_("It takes longer than promised."))
    if entry.step == EXPIRY:
        return str(_("Its domain or certificate ends soon."))
    if entry.status is LogStatus.COMPLETED and entry.consumer in COMPLETED:
        return str(COMPLETED[entry.consumer])
    return str(_OTHERWISE[entry.status]) % {"step": step_name(entry.consumer)}


def is_undo(consumer: str) -> bool:
    """Whether a step takes back what was done for a project."""
    return consumer.partition(".")[2] == ProjectCancelled.hyphenated()
