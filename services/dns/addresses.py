"""The records that make host names lead to a server."""

from collections.abc import Sequence

from contracts import DnsRecord, RecordType, TargetServer


def addresses_of(hosts: Sequence[str], server: TargetServer, ttl: int) -> list[DnsRecord]:
    """An A record for each host, and an AAAA record if the server has such an address. `ttl` in seconds."""
    addresses = {RecordType.A: server.ipv4, RecordType.AAAA: server.ipv6}
    return [
        DnsRecord(name=host, type=kind, content=str(address), ttl=ttl)
        for host in hosts
        for kind, address in addresses.items()
        if address is not None
    ]
