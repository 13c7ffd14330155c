"""A project's story in plain sentences: what a log entry means to somebody who is not technical."""

from dataclasses import dataclass
from datetime import datetime

from starlette_admin.i18n import lazy_gettext as _

from contracts import ProjectCancelled
from services.marketplace.admin.words import step_name
from services.marketplace.api.answers import LogEntry
from shared.expiry import EXPIRY
from shared.models import LATE, LogStatus

TONES = {
    LogStatus.COMPLETED: "done",
    LogStatus.DEAD: "failed",
    LogStatus.RETRYING: "waiting",
    LogStatus.WAITING: "waiting",
    LogStatus.PARKED: "waiting",
}
_COMPLETED = {
    "dns.project-ordered": _("The domain is set up."),
    "deploy.dns-configured": _("The app is installed on the server."),
    "bootstrap.app-deployed": _("The project runs, its plugins are loaded: it is live."),
    "notify.project-ordered": _("The customer was told that the order has arrived."),
    "notify.resend-requested": _("A mail was sent again."),
    "notify.core-healthy": _("The customer was told that the project is live."),
    "notify.dns-records-needed": _("The customer was asked to set DNS entries."),
    "notify.capacity-needed": _("We were told that servers are full."),
    "notify.domain-expiring": _("We were told that its domain ends soon."),
    "notify.certificate-expiring": _("We were told that its certificate ends soon."),
    "notify.domain-registered": _("The customer was told that the domain is registered."),
    "notify.registration-held": _("We were asked about the registration of the domain."),
    "notify.provisioning-delayed": _("We were told that it takes longer."),
    "notify.provisioning-failed": _("We and the customer were told that something went wrong."),
    "notify.project-cancelled": _("The customer was told of the cancellation."),
    "dns.project-cancelled": _("The domain is given back."),
    "deploy.project-cancelled": _("The app is removed from the server."),
    "bootstrap.project-cancelled": _("The project's access is ended."),
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
    if entry.status is LogStatus.COMPLETED and entry.consumer in _COMPLETED:
        return str(_COMPLETED[entry.consumer])
    return str(_OTHERWISE[entry.status]) % {"step": step_name(entry.consumer)}


def is_undo(consumer: str) -> bool:
    """Whether a step takes back what was done for a project."""
    return consumer.partition(".")[2] == ProjectCancelled.hyphenated()
