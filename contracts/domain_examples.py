"""What is said of the bakery's domains, its own and the one that is registered for Easter, for `contracts.story`."""

from datetime import UTC, datetime

from contracts.bakery import DOMAIN, EASTER, SERVER
from contracts.dns import DnsRecord, DnsRecordsNeeded, ExaminedType, RecordFinding, RecordProblem, RecordType
from contracts.domains import (
    AppRouted,
    DomainAdded,
    DomainConnected,
    DomainRemoved,
    PrimaryDomainChanged,
    RoutedDomain,
    RoutesChanged,
)
from contracts.failure import CustomerText
from contracts.registration import (
    DomainRegistered,
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    RegistrationHold,
)

RECORDS = tuple(
    DnsRecord(name=name, type=record_type, content=str(address))
    for name in (DOMAIN, f"www.{DOMAIN}")
    for record_type, address in ((RecordType.A, SERVER.ipv4), (RecordType.AAAA, SERVER.ipv6))
)
_BOTH = (
    RoutedDomain(domain=DOMAIN, hosts=(DOMAIN, f"www.{DOMAIN}"), since=0),
    RoutedDomain(domain=EASTER, hosts=(EASTER, f"www.{EASTER}"), since=1),
)
_BY_HER = "erika@kunde-mit-domain.example"

RECORDS_NEEDED = DnsRecordsNeeded(
    fqdn=DOMAIN,
    records=RECORDS,
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
)
REGISTRATION_REQUESTED = DomainRegistrationRequested(domain=EASTER, max_cents=1500)
REGISTRATION_HELD = DomainRegistrationHeld(
    domain=EASTER,
    reason=RegistrationHold.TOO_EXPENSIVE,
    message=f"{EASTER} costs 29.00 EUR for the first year, agreed are 15.00 EUR",
    cents=2900,
)
DOMAIN_REGISTERED = DomainRegistered(
    domain=EASTER, cents=2900, expires_at=datetime(2028, 3, 1, 13, 5, 58, tzinfo=UTC), is_renewed=True
)
DOMAIN_ADDED = DomainAdded(domain=EASTER, primary=False, requested_by=_BY_HER)
ROUTES_CHANGED = RoutesChanged(revision=1, domains=_BOTH, primary=DOMAIN, server=SERVER)
APP_ROUTED = AppRouted(
    revision=1,
    domains=_BOTH,
    primary=DOMAIN,
    application="hsk8o0gc4wk4g00w8s0k4cgs",
    deployment="d0s8k4wsc4ogwcszkc4s8w0gk",
)
DOMAIN_CONNECTED = DomainConnected(
    domain=EASTER,
    url=f"https://{EASTER}",
    since=1,
    certificate_ends_at=datetime(2027, 5, 30, 12, 6, 35, tzinfo=UTC),
)
EASTER_FIRST = PrimaryDomainChanged(domain=EASTER, requested_by=_BY_HER)
BAKERY_FIRST = PrimaryDomainChanged(domain=DOMAIN, requested_by=_BY_HER)
DOMAIN_REMOVED = DomainRemoved(domain=EASTER, requested_by=_BY_HER)
