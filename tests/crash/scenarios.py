"""What happens to a project of the crash matrix, and the event with which it begins."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from contracts import CloudEvent
from tests.choreography.events import Story
from tests.choreography.facts import PLUGINS


class Scenario(StrEnum):
    """What happens to a project."""

    LIVE = "goes live"
    ELSEWHERE = "goes live under a domain held elsewhere"
    NEW = "goes live under a domain that is registered"
    CANCELLED = "is cancelled when live"
    NEVER_ORDERED = "is cancelled and never ordered"
    DELAYED = "is delayed"
    FAILED = "has failed"
    NO_ROOM = "finds no room"
    HELD = "has its registration held"
    RESENT = "has a mail sent again"
    WEBHOOK_OFF = "has a webhook that is switched off"
    DOMAIN_ENDS = "has a domain that ends"
    CERTIFICATE_ENDS = "has a certificate that ends"
    PLUGINS = "gives up a plugin when live"
    GIVEN = "is given a primary domain when live"
    LOSES = "loses a domain when live"
    CHOOSES = "chooses its primary domain when live"
    MAIL = "sends mail under its own domain"
    MAIL_CANCELLED = "is cancelled when it sends mail under its own domain"
    MAIL_NEEDED = "needs records for mail"
    TRANSFER = "has a domain transferred when live"
    WITHDRAWN = "withdraws a transfer that has failed when live"
    TRANSFER_FAILED = "has a transfer fail"


MOVERS = ("dns.transfer-requested", "notify.transfer-started", "notify.domain-transferred")
LIVE = ("notify.core-healthy",)
UNDOERS = tuple(f"{service}.project-cancelled" for service in ("dns", "deploy", "bootstrap", "notify"))

OURS = (Scenario.MAIL, Scenario.MAIL_CANCELLED)
"""Under a domain of their own whose zone is in our account."""

ENDS = (Scenario.CANCELLED, Scenario.NEVER_ORDERED, Scenario.MAIL_CANCELLED)

BEGIN_LIVE = (
    *(Scenario.CANCELLED, Scenario.DELAYED, Scenario.FAILED, Scenario.NO_ROOM, Scenario.HELD, Scenario.PLUGINS),
    *(Scenario.TRANSFER, Scenario.WITHDRAWN, Scenario.TRANSFER_FAILED, Scenario.MAIL_NEEDED),
    *(Scenario.DOMAIN_ENDS, Scenario.CERTIFICATE_ENDS, Scenario.RESENT, Scenario.WEBHOOK_OFF),
    *(Scenario.GIVEN, Scenario.LOSES, Scenario.CHOOSES),
)

MOVING = (Scenario.TRANSFER, Scenario.WITHDRAWN)
"""With a domain that another registrar has."""

CONNECTING = ("dns.domain-added", "deploy.routes-changed", "bootstrap.app-routed", "dns.domain-connected")


BEGINNINGS: dict[Scenario, tuple[Callable[[Story], CloudEvent[Any]], bool]] = {
    **dict.fromkeys((Scenario.LIVE, Scenario.ELSEWHERE, Scenario.NEW, Scenario.MAIL), (Story.ordered, True)),
    **dict.fromkeys(ENDS, (Story.cancelled, True)),
    Scenario.DELAYED: (Story.delayed, False),
    Scenario.FAILED: (Story.failed, False),
    Scenario.NO_ROOM: (Story.capacity_needed, False),
    Scenario.HELD: (Story.registration_held, False),
    Scenario.RESENT: (lambda story: story.resend_requested(""), False),
    Scenario.WEBHOOK_OFF: (Story.webhook_disabled, False),
    Scenario.DOMAIN_ENDS: (Story.domain_expiring, False),
    Scenario.CERTIFICATE_ENDS: (Story.certificate_expiring, False),
    Scenario.MAIL_NEEDED: (Story.mail_records_needed, False),
    Scenario.TRANSFER_FAILED: (Story.transfer_failed, False),
    Scenario.PLUGINS: (lambda story: story.changed(PLUGINS[0]), True),
    Scenario.GIVEN: (lambda story: story.added(story.second, primary=True), False),
    Scenario.LOSES: (lambda story: story.removed(story.second), False),
    Scenario.CHOOSES: (lambda story: story.primary_changed(story.fqdn), False),
}
"""The event with which each scenario begins, and whether the marketplace's outbox sends it."""
