"""One project's whole story, from its order to its end, as the events that were said: the example of each event.

Erika Schmidt's bakery orders under a domain of its own. All servers are full until an operator adds one; the domain is
held elsewhere, so she sets the records herself; Coolify refuses once, until an operator has given it a new token and
replayed the dead letter; vrs-core takes its time. For Christmas she wants vouchers, too. In February her records lead
elsewhere for a while, so that her certificate is not renewed in time. For Easter a name is registered for her, which
costs more than was agreed until a case worker agrees as well; the shop answers under it, too, and for some weeks
mainly, and her mail comes from her own domain. Another name of hers comes from another registrar, at the second try. A
year later there is too little money to renew the one for Easter. In the spring of that year she closes the shop.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.bootstrap import CoreHealthy, CoreRetired, PluginsConverged
from contracts.cloud_event import CloudEvent
from contracts.deploy import AppDeployed, AppRemoved
from contracts.desk import DeadLetterHandled, DeskActionKind
from contracts.dns import (
    CapacityNeeded,
    DnsConfigured,
    DnsRecord,
    DnsRecordsNeeded,
    DnsReleased,
    ExaminedType,
    RecordFinding,
    RecordProblem,
    RecordType,
    ServerVerdict,
)
from contracts.event import Plugin, ServiceName
from contracts.failure import CustomerText, ProvisioningFailed
from contracts.mail_examples import MAIL_NEEDED, MAIL_READY, MAIL_RELEASED, MAIL_REQUESTED
from contracts.marketplace import Contact, Locale, PluginsChanged, ProjectCancelled, ProjectOrdered
from contracts.notify import ProvisioningDelayed
from contracts.registration import (
    DomainRegistered,
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    RegistrationHold,
)
from contracts.resend import MailResendRequested
from contracts.story_domains import added_domain
from contracts.story_transfer import transferred_domain
from contracts.story_watched import ENDING, OVERDUE, SWITCHED_OFF
from contracts.storytelling import DOMAIN, EASTER, SERVER, DataT, at, said

_URL = f"https://{DOMAIN}"
_PLUGINS = (Plugin(name="shop", version="2.3.1"), Plugin(name="newsletter", version="1.0.4"))
_RECORDS = tuple(
    DnsRecord(name=name, type=record_type, content=str(address))
    for name in (DOMAIN, f"www.{DOMAIN}")
    for record_type, address in ((RecordType.A, SERVER.ipv4), (RecordType.AAAA, SERVER.ipv6))
)


_ORDERED = said(
    ProjectOrdered(
        slug="baeckerei-schmidt",
        own_domain=DOMAIN,
        plan="starter",
        plugins=_PLUGINS,
        customer=Contact(name="Erika Schmidt", email="erika@kunde-mit-domain.example"),
        locale=Locale.DE,
    ),
    ServiceName.MARKETPLACE,
    at(9, 0, 0, 112),
    1,
)
_FULL = said(
    CapacityNeeded(
        fqdn=DOMAIN,
        plan="starter",
        ahead=0,
        considered=(
            ServerVerdict(server="tenants-1", verdict="full"),
            ServerVerdict(server="tenants-3", verdict="takes no new projects"),
        ),
    ),
    ServiceName.DNS,
    at(9, 0, 0, 655),
    13,
    _ORDERED,
)
_NEEDED = said(
    DnsRecordsNeeded(
        fqdn=DOMAIN,
        records=_RECORDS,
        found=(f"{DOMAIN} A 198.51.100.7",),
        findings=(
            RecordFinding(
                problem=RecordProblem.LEADS_ELSEWHERE,
                name=DOMAIN,
                type=ExaminedType.A,
                found=("198.51.100.7",),
                wanted=(str(SERVER.ipv4),),
                text=CustomerText(
                    de=f"Der A-Eintrag von {DOMAIN} lautet 198.51.100.7. Ändern Sie ihn auf {SERVER.ipv4}.",
                    en=f"The A record of {DOMAIN} is 198.51.100.7. Change it to {SERVER.ipv4}.",
                ),
            ),
        ),
    ),
    ServiceName.DNS,
    at(9, 41, 7, 873),
    2,
    _ORDERED,
)
_CONFIGURED = said(
    DnsConfigured(fqdn=DOMAIN, records=_RECORDS, server=SERVER, placement_reason="most free places: 31 of 40"),
    ServiceName.DNS,
    at(10, 12, 6, 340),
    3,
    _ORDERED,
)
_FAILED = said(
    ProvisioningFailed(
        step=ServiceName.DEPLOY,
        reason_code="coolify_403",
        message="Coolify refuses the token: it has no permission to write",
        customer_text=CustomerText(
            de="Ihr Projekt konnte noch nicht gestartet werden. Wir kümmern uns darum und melden uns bei Ihnen.",
            en="Your project could not be started yet. We are looking into it and will get back to you.",
        ),
        dead_letter_id=UUID("01a20d0a-9480-7e21-8f6d-3b0a97c4e5d8"),
    ),
    ServiceName.DEPLOY,
    at(10, 12, 6, 921),
    4,
    _CONFIGURED,
)
_HANDLED = said(
    DeadLetterHandled(
        action=DeskActionKind.REPLAY,
        action_id=UUID("01a20d1c-1e40-7a52-8c3b-77f0d1b2a6e9"),
        consumer="deploy.dns-configured",
        event=_CONFIGURED.id,
        by="operator@desk",
        reason="the new token may write",
    ),
    ServiceName.MARKETPLACE,
    at(10, 30, 2, 418),
    12,
    _CONFIGURED,
)
_DEPLOYED = said(
    AppDeployed(
        fqdn=DOMAIN,
        url=_URL,
        image="ghcr.io/vrs/vrs-core",
        tag="1.0.0",
        server=SERVER,
        application="hsk8o0gc4wk4g00w8s0k4cgs",
        deployment="zkc4s8w0gk4ogwcs0o8k4wsc",
    ),
    ServiceName.DEPLOY,
    at(10, 31, 48, 55),
    5,
    _CONFIGURED,
)
_DELAYED = said(
    ProvisioningDelayed(
        step=ServiceName.BOOTSTRAP,
        reason="vrs-core still boots: newsletter is being installed",
        due_at=at(10, 41, 48, 0),
        next_try_at=at(10, 42, 10, 0),
        expected_at=at(10, 45, 0, 0),
    ),
    ServiceName.NOTIFY,
    at(10, 41, 49, 207),
    6,
    _DEPLOYED,
)
_HEALTHY = said(
    CoreHealthy(fqdn=DOMAIN, url=_URL, core_version="1.0.0", plugins=_PLUGINS),
    ServiceName.BOOTSTRAP,
    at(10, 44, 12, 608),
    7,
    _DEPLOYED,
)
_WITH_VOUCHERS = (*_PLUGINS, Plugin(name="vouchers", version="1.1.0"))
_WISHED = said(
    MailResendRequested(mail="0d3c1f0e-7a52-5c31-9b1e-6f2a8d4c7e15@vrs.example", requested_by="anna"),
    ServiceName.MARKETPLACE,
    at(15, 2, 9, 655),
    21,
).model_copy(update={"correlationid": _ORDERED.id})
_CHANGED = said(
    PluginsChanged(plugins=_WITH_VOUCHERS, changed=("vouchers",), requested_by="erika@kunde-mit-domain.example"),
    ServiceName.MARKETPLACE,
    datetime(2026, 12, 1, 8, 15, 3, 207_000, tzinfo=UTC),
    13,
).model_copy(update={"correlationid": _ORDERED.id})
_CONVERGED = said(
    PluginsConverged(fqdn=DOMAIN, core_version="1.0.0", complete=True, plugins=_WITH_VOUCHERS),
    ServiceName.BOOTSTRAP,
    datetime(2026, 12, 1, 8, 15, 6, 91_000, tzinfo=UTC),
    14,
    _CHANGED,
)


def _registered(data: DataT, second: int, number: int, cause: CloudEvent[Any] | None = None) -> CloudEvent[DataT]:
    event = said(data, ServiceName.DNS, datetime(2027, 3, 1, 13, 5, second, 410_000, tzinfo=UTC), number, cause)
    return event.model_copy(update={"correlationid": _ORDERED.id})


_REQUESTED = _registered(DomainRegistrationRequested(domain=EASTER, max_cents=1500), 2, 15)
_HELD = _registered(
    DomainRegistrationHeld(
        domain=EASTER,
        reason=RegistrationHold.TOO_EXPENSIVE,
        message=f"{EASTER} costs 29.00 EUR for the first year, agreed are 15.00 EUR",
        cents=2900,
    ),
    3,
    16,
    _REQUESTED,
)
_BOUGHT = _registered(
    DomainRegistered(
        domain=EASTER, cents=2900, expires_at=datetime(2028, 3, 1, 13, 5, 58, tzinfo=UTC), is_renewed=True
    ),
    59,
    17,
    _REQUESTED,
)
_MAIL = _registered(MAIL_REQUESTED, 30, 25).model_copy(update={"source": ServiceName.MARKETPLACE.value})
_MAIL_NEEDED = _registered(MAIL_NEEDED, 31, 26, _MAIL)
_MAIL_READY = _registered(MAIL_READY, 59, 27, _MAIL)
_CANCELLED = said(
    ProjectCancelled(reason="the shop closes", requested_by="erika@kunde-mit-domain.example", keep_volumes=False),
    ServiceName.MARKETPLACE,
    datetime(2028, 4, 30, 16, 20, 0, 450_000, tzinfo=UTC),
    8,
).model_copy(update={"correlationid": _ORDERED.id})


def _undone(data: DataT, by: ServiceName, second: int, number: int) -> CloudEvent[DataT]:
    return said(data, by, datetime(2028, 4, 30, 16, 20, second, 730_000, tzinfo=UTC), number, _CANCELLED)


STORY: tuple[CloudEvent[Any], ...] = (
    _ORDERED,
    _FULL,
    _NEEDED,
    _CONFIGURED,
    _FAILED,
    _HANDLED,
    SWITCHED_OFF,
    _DEPLOYED,
    _DELAYED,
    _HEALTHY,
    _WISHED,
    _CHANGED,
    _CONVERGED,
    OVERDUE.model_copy(update={"correlationid": _ORDERED.id}),
    _REQUESTED,
    _HELD,
    _MAIL,
    _MAIL_NEEDED,
    _BOUGHT,
    _MAIL_READY,
    *added_domain(_ORDERED.id, EASTER),
    *transferred_domain(_ORDERED.id),
    ENDING.model_copy(update={"correlationid": _ORDERED.id}),
    _CANCELLED,
    _undone(CoreRetired(fqdn=DOMAIN, was_healthy=True, reason="the shop closes"), ServiceName.BOOTSTRAP, 1, 9),
    _undone(DnsReleased(fqdn=DOMAIN, records=(), server=SERVER.name), ServiceName.DNS, 2, 10),
    _undone(MAIL_RELEASED, ServiceName.DNS, 2, 28),
    _undone(
        AppRemoved(application="hsk8o0gc4wk4g00w8s0k4cgs", environment="baeckerei-schmidt", volumes_kept=False),
        ServiceName.DEPLOY,
        6,
        11,
    ),
)
"""The events as they were said, oldest first. The names, addresses and ids are made up and stay as they are."""

EXAMPLES: dict[str, CloudEvent[Any]] = {event.type: event for event in STORY}
"""The example of each event, by its ``type``."""
