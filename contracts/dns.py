"""What dns says: the names answer, the customer has records to set, our records are gone."""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.event import Event, Facts, HostName, ServiceName, Slug, Text


class RecordType(StrEnum):
    """DNS record types that provisioning sets or asks for."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"


class DnsRecord(Facts):
    """One record: absolute name without trailing dot, TTL in seconds."""

    name: HostName
    type: RecordType
    content: Text
    ttl: Annotated[int, Field(ge=300, le=864_000)] = 300


class TargetServer(Facts):
    """The server that was chosen. ``id`` is the server's uuid at Coolify, not RFC 4122."""

    id: Text
    name: Slug
    region: Slug
    ipv4: IPv4Address
    ipv6: IPv6Address | None = None


class DnsConfigured(Event):
    """These records exist and every authoritative server answers with them; this server was chosen."""

    type: ClassVar[str] = "vrs.dns.configured.v1"
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DEPLOY,)

    fqdn: HostName
    records: Annotated[tuple[DnsRecord, ...], Field(min_length=1)]
    server: TargetServer
    placement_reason: Text


class DnsRecordsNeeded(Event):
    """The domain is held elsewhere: the customer must set these records. ``found`` is what answers today.

    dns looks again by itself and goes on when they answer.
    """

    type: ClassVar[str] = "vrs.records.needed.v1"
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    fqdn: HostName
    records: Annotated[tuple[DnsRecord, ...], Field(min_length=1)]
    found: tuple[Text, ...] = ()


class DnsReleased(Event):
    """The project's records are gone and its place on the server is free again."""

    type: ClassVar[str] = "vrs.dns.released.v1"

    fqdn: HostName | None = None
    records: tuple[DnsRecord, ...]
    server: Slug | None = None
