"""One project's whole story, from its order to its end, as the events that were said: the example of each event.

Erika Schmidt's bakery orders under a domain of its own. All servers are full until an operator adds one; the domain is
held elsewhere, so she sets the records herself; Coolify refuses once, until an operator has given it a new token and
replayed the dead letter; vrs-core takes its time. For Christmas she wants vouchers, too. For Easter a name is
registered for her, which costs more than was agreed until a case worker agrees as well. Another name of hers comes from
another registrar, at the second try. In the spring she closes the shop.
"""

from datetime import UTC, datetime
from typing import Any, TypeVar
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
    TargetServer,
)
from contracts.event import Event, Plugin, ServiceName
from contracts.failure import CustomerText, ProvisioningFailed
from contracts.marketplace import Contact, Locale, PluginsChanged, ProjectCancelled, ProjectOrdered
from contracts.notify import ProvisioningDelayed
from contracts.registration import (
    DomainRegistered,
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    RegistrationHold,
)
from contracts.story_transfer import transferred

DataT = TypeVar("DataT", bound=Event)

_PROJECT = UUID("01a20cc8-7d3c-7c3b-9d52-6f0b8e4a2d17")
_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_DOMAIN = "baeckerei-schmidt.example"
_URL = f"https://{_DOMAIN}"
_PLUGINS = (Plugin(name="shop", version="2.3.1"), Plugin(name="newsletter", version="1.0.4"))
_SERVER = TargetServer(
    id="k8w0s4ckcg4gwos4s0wk8k4c", name="tenants-2", region="fsn1", ipv4="203.0.113.20", ipv6="2001:db8::20"
)
_RECORDS = tuple(
    DnsRecord(name=name, type=record_type, content=str(address))
    for name in (_DOMAIN, f"www.{_DOMAIN}")
    for record_type, address in ((RecordType.A, _SERVER.ipv4), (RecordType.AAAA, _SERVER.ipv6))
)


def _said(
    data: DataT,
    by: ServiceName,
    when: datetime,
    number: int,
    cause: CloudEvent[Any] | None = None,
) -> CloudEvent[DataT]:
    """Put `data` into its envelope, with an id as `uuid7` would have made it at that time."""
    milliseconds = int(when.timestamp() * 1000)
    event_id = UUID(int=milliseconds << 80 | 0x7 << 76 | 0x1F3 << 64 | 0x2 << 62 | 0x9B70_5D2E_84C1_0000 | number)
    event = CloudEvent.of(data, source=by.value, project_id=_PROJECT, causation_id=cause.id if cause else None)
    began = cause.correlationid if cause else event_id
    return event.model_copy(
        update={"id": event_id, "time": when, "correlationid": began, "traceparent": _TRACE if cause else None}
    )


def _at(hour: int, minute: int, second: int, millisecond: int) -> datetime:
    return datetime(2026, 11, 24, hour, minute, second, millisecond * 1000, tzinfo=UTC)


_ORDERED = _said(
    ProjectOrdered(
        slug="baeckerei-schmidt",
        own_domain=_DOMAIN,
        plan="starter",
        plugins=_PLUGINS,
        customer=Contact(name="Erika Schmidt", email="erika@kunde-mit-domain.example"),
        locale=Locale.DE,
    ),
    ServiceName.MARKETPLACE,
    _at(9, 0, 0, 112),
    1,
)
_FULL = _said(
    CapacityNeeded(
        fqdn=_DOMAIN,
        plan="starter",
        ahead=0,
        considered=(
            ServerVerdict(server="tenants-1", verdict="full"),
            ServerVerdict(server="tenants-3", verdict="takes no new projects"),
        ),
    ),
    ServiceName.DNS,
    _at(9, 0, 0, 655),
    13,
    _ORDERED,
)
_NEEDED = _said(
    DnsRecordsNeeded(
        fqdn=_DOMAIN,
        records=_RECORDS,
        found=(f"{_DOMAIN} A 198.51.100.7",),
        findings=(
            RecordFinding(
                problem=RecordProblem.LEADS_ELSEWHERE,
                name=_DOMAIN,
                type=ExaminedType.A,
                found=("198.51.100.7",),
                wanted=(str(_SERVER.ipv4),),
                text=CustomerText(
                    de=f"Der A-Eintrag von {_DOMAIN} lautet 198.51.100.7. Ändern Sie ihn auf {_SERVER.ipv4}.",
                    en=f"The A record of {_DOMAIN} is 198.51.100.7. Change it to {_SERVER.ipv4}.",
                ),
            ),
        ),
    ),
    ServiceName.DNS,
    _at(9, 41, 7, 873),
    2,
    _ORDERED,
)
_CONFIGURED = _said(
    DnsConfigured(fqdn=_DOMAIN, records=_RECORDS, server=_SERVER, placement_reason="most free places: 31 of 40"),
    ServiceName.DNS,
    _at(10, 12, 6, 340),
    3,
    _ORDERED,
)
_FAILED = _said(
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
    _at(10, 12, 6, 921),
    4,
    _CONFIGURED,
)
_HANDLED = _said(
    DeadLetterHandled(
        action=DeskActionKind.REPLAY,
        action_id=UUID("01a20d1c-1e40-7a52-8c3b-77f0d1b2a6e9"),
        consumer="deploy.dns-configured",
        event=_CONFIGURED.id,
        by="operator@desk",
        reason="the new token may write",
    ),
    ServiceName.MARKETPLACE,
    _at(10, 30, 2, 418),
    12,
    _CONFIGURED,
)
_DEPLOYED = _said(
    AppDeployed(
        fqdn=_DOMAIN,
        url=_URL,
        image="ghcr.io/vrs/vrs-core",
        tag="1.0.0",
        server=_SERVER,
        application="hsk8o0gc4wk4g00w8s0k4cgs",
        deployment="zkc4s8w0gk4ogwcs0o8k4wsc",
    ),
    ServiceName.DEPLOY,
    _at(10, 31, 48, 55),
    5,
    _CONFIGURED,
)
_DELAYED = _said(
    ProvisioningDelayed(
        step=ServiceName.BOOTSTRAP,
        reason="vrs-core still boots: newsletter is being installed",
        due_at=_at(10, 41, 48, 0),
        next_try_at=_at(10, 42, 10, 0),
        expected_at=_at(10, 45, 0, 0),
    ),
    ServiceName.NOTIFY,
    _at(10, 41, 49, 207),
    6,
    _DEPLOYED,
)
_HEALTHY = _said(
    CoreHealthy(fqdn=_DOMAIN, url=_URL, core_version="1.0.0", plugins=_PLUGINS),
    ServiceName.BOOTSTRAP,
    _at(10, 44, 12, 608),
    7,
    _DEPLOYED,
)
_WITH_VOUCHERS = (*_PLUGINS, Plugin(name="vouchers", version="1.1.0"))
_CHANGED = _said(
    PluginsChanged(plugins=_WITH_VOUCHERS, changed=("vouchers",), requested_by="erika@kunde-mit-domain.example"),
    ServiceName.MARKETPLACE,
    datetime(2026, 12, 1, 8, 15, 3, 207_000, tzinfo=UTC),
    13,
).model_copy(update={"correlationid": _ORDERED.id})
_CONVERGED = _said(
    PluginsConverged(fqdn=_DOMAIN, core_version="1.0.0", complete=True, plugins=_WITH_VOUCHERS),
    ServiceName.BOOTSTRAP,
    datetime(2026, 12, 1, 8, 15, 6, 91_000, tzinfo=UTC),
    14,
    _CHANGED,
)
_EASTER = "osterlamm.example"


def _registered(data: DataT, second: int, number: int, cause: CloudEvent[Any] | None = None) -> CloudEvent[DataT]:
    event = _said(data, ServiceName.DNS, datetime(2027, 3, 1, 13, 5, second, 410_000, tzinfo=UTC), number, cause)
    return event.model_copy(update={"correlationid": _ORDERED.id})


_REQUESTED = _registered(DomainRegistrationRequested(domain=_EASTER, max_cents=1500), 2, 15)
_HELD = _registered(
    DomainRegistrationHeld(
        domain=_EASTER,
        reason=RegistrationHold.TOO_EXPENSIVE,
        message=f"{_EASTER} costs 29.00 EUR for the first year, agreed are 15.00 EUR",
        cents=2900,
    ),
    3,
    16,
    _REQUESTED,
)
_BOUGHT = _registered(
    DomainRegistered(
        domain=_EASTER, cents=2900, expires_at=datetime(2028, 3, 1, 13, 5, 58, tzinfo=UTC), is_renewed=True
    ),
    59,
    17,
    _REQUESTED,
)
_CANCELLED = _said(
    ProjectCancelled(reason="the shop closes", requested_by="erika@kunde-mit-domain.example", keep_volumes=False),
    ServiceName.MARKETPLACE,
    datetime(2027, 4, 30, 16, 20, 0, 450_000, tzinfo=UTC),
    8,
).model_copy(update={"correlationid": _ORDERED.id})


def _undone(data: DataT, by: ServiceName, second: int, number: int) -> CloudEvent[DataT]:
    return _said(data, by, datetime(2027, 4, 30, 16, 20, second, 730_000, tzinfo=UTC), number, _CANCELLED)


STORY: tuple[CloudEvent[Any], ...] = (
    _ORDERED,
    _FULL,
    _NEEDED,
    _CONFIGURED,
    _FAILED,
    _HANDLED,
    _DEPLOYED,
    _DELAYED,
    _HEALTHY,
    _CHANGED,
    _CONVERGED,
    _REQUESTED,
    _HELD,
    _BOUGHT,
    *transferred(_said, _ORDERED),
    _CANCELLED,
    _undone(CoreRetired(fqdn=_DOMAIN, was_healthy=True, reason="the shop closes"), ServiceName.BOOTSTRAP, 1, 9),
    _undone(DnsReleased(fqdn=_DOMAIN, records=(), server=_SERVER.name), ServiceName.DNS, 2, 10),
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
