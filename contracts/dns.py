"""What dns says: the names answer, the customer has records to set, no server has room, our records are gone."""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from contracts.event import WHOLE_NUMBER, Event, Facts, HostName, ServiceName, Slug, Text
from contracts.failure import CustomerText


def _no_number(value: Any) -> Any:
    """Python reads 17 as 0.0.0.17."""
    if isinstance(value, int):
        raise ValueError(f"{value} is not an address in text, such as 203.0.113.20")  # noqa: TRY004 - pydantic's
    return value


NOT_A_NUMBER = BeforeValidator(_no_number)


class RecordType(StrEnum):
    """DNS record types that provisioning sets or asks for."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"


class DnsRecord(Facts):
    """One record: absolute name without trailing dot, TTL in seconds."""

    name: HostName
    """The absolute name, without a trailing dot."""
    type: RecordType
    """The record's type."""
    content: Text
    """The address, or the name that a CNAME points to."""
    ttl: Annotated[int, Field(ge=300, le=864_000), WHOLE_NUMBER] = 300
    """Seconds for which resolvers may keep it."""


class TargetServer(Facts):
    """The server that was chosen. ``id`` is the server's uuid at Coolify, not RFC 4122."""

    id: Text
    """The server's uuid at Coolify; not an RFC 4122 UUID."""
    name: Slug
    """The server's name, as case workers see it."""
    region: Slug
    """Where it stands."""
    ipv4: Annotated[IPv4Address, NOT_A_NUMBER]
    """Its public IPv4 address."""
    ipv6: Annotated[IPv6Address, NOT_A_NUMBER] | None = None
    """Its public IPv6 address, if it has one."""


class DnsConfigured(Event):
    """These records exist and every authoritative server answers with them; this server was chosen."""

    type: ClassVar[str] = "vrs.dns.configured.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DEPLOY,)

    fqdn: HostName
    """The host name under which the project will be live."""
    records: Annotated[tuple[DnsRecord, ...], Field(min_length=1)]
    """The records that were set and answer."""
    server: TargetServer
    """The server that was chosen for the project."""
    placement_reason: Text
    """Why it was this server, in words for people."""


class RecordProblem(StrEnum):
    """What keeps a customer's name from leading to the project, or its certificate from being issued."""

    NO_NAME_SERVERS = "no_name_servers"
    NAME_SERVER_SILENT = "name_server_silent"
    DNSSEC_BROKEN = "dnssec_broken"
    MISSING = "missing"
    LEADS_ELSEWHERE = "leads_elsewhere"
    PROXIED = "proxied"
    STRAY_ADDRESS = "stray_address"
    ALIAS_ELSEWHERE = "alias_elsewhere"
    ADDRESS_BESIDE_ALIAS = "address_beside_alias"
    NOT_EVERYWHERE = "not_everywhere"
    CAA_FORBIDS = "caa_forbids"


class ExaminedType(StrEnum):
    """The types of the records that an examination may find fault with."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    CAA = "CAA"
    DS = "DS"
    NS = "NS"


class RecordFinding(Facts):
    """One thing that is wrong with a customer's DNS: where, what is there now, what must be there."""

    problem: RecordProblem
    """The kind of problem, for programs."""
    name: HostName
    """The name at which the record stands, or should."""
    type: ExaminedType
    """The record's type."""
    found: tuple[Text, ...] = ()
    """What is there now; empty if there is nothing."""
    wanted: tuple[Text, ...] = ()
    """What must be there; empty if there must be nothing."""
    text: CustomerText
    """What is wrong and what to do, in plain words."""


class DnsRecordsNeeded(Event):
    """The domain is held elsewhere: the customer must set these records. ``found`` is what answers today.

    dns looks again by itself and goes on when they answer. It says so again after days: a ``reminder``.
    """

    type: ClassVar[str] = "vrs.records.needed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.", "0.2.0: `findings` and `reminder`.")
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    fqdn: HostName
    """The customer's host name."""
    records: Annotated[tuple[DnsRecord, ...], Field(min_length=1)]
    """The records that the customer must set."""
    found: tuple[Text, ...] = ()
    """What answers today, a line for each answer; empty if nothing does."""
    findings: tuple[RecordFinding, ...] = ()
    """Everything that is wrong today, in the order in which to mend it."""
    reminder: Annotated[int, Field(ge=0), WHOLE_NUMBER] = 0
    """0 when it is said for the first time, then 1, 2, …"""


class ServerVerdict(Facts):
    """A server, and why it did not take a project."""

    server: Slug
    """The server's name, as case workers see it."""
    verdict: Text
    """Why not, in English, for example ``full``."""


class CapacityNeeded(Event):
    """The order is accepted and waits: no server has room for it. Said once for each order that waits.

    dns goes on by itself, in the order in which the orders came, when a server is added, takes new projects again or
    has a place that was freed.
    """

    type: ClassVar[str] = "vrs.capacity.needed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    fqdn: HostName
    """The host name of the project that waits."""
    plan: Slug
    """The plan that was paid for, which says how much memory is needed."""
    region: Slug | None = None
    """Where the server must stand; absent: anywhere."""
    ahead: Annotated[int, Field(ge=0), WHOLE_NUMBER]
    """How many orders waited for a place before this one."""
    considered: tuple[ServerVerdict, ...]
    """Each server and why it did not take the project; empty if there is no server."""


class DnsReleased(Event):
    """The project's records are gone and its place on the server is free again."""

    type: ClassVar[str] = "vrs.dns.released.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)

    fqdn: HostName | None = None
    """The host name that was released; absent if there was none."""
    records: tuple[DnsRecord, ...]
    """The records that were deleted; empty if there were none."""
    server: Slug | None = None
    """The name of the server on which a place is free again; absent if none was taken."""
