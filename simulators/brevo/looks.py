"""Brevo's look at a domain's records: at every authoritative name server, and only what all of them say."""

import asyncio
import socket
from collections.abc import Sequence

import dns.asyncquery
import dns.exception
import dns.message
import dns.rdatatype

from simulators.brevo.domains import Domain

_SECONDS = 2.0


async def seen_of(domain: Domain, servers: Sequence[tuple[str, int]]) -> set[str]:
    """Keys of the domain's records that every server answers with; none without servers."""
    found = await asyncio.gather(*(_seen_at(domain, host, port) for host, port in servers))
    return set.intersection(*found) if found else set()


async def _seen_at(domain: Domain, host: str, port: int) -> set[str]:
    seen = set()
    address = await _address(host, port)
    for key, (kind, name, value) in domain.records().items():
        label = name.rstrip(".")
        owner = domain.name if label == "@" else f"{label}.{domain.name}"
        texts = await _ask(address, port, owner, kind)
        if key == "dmarc_record":
            policies = [text for text in texts if text.replace(" ", "").startswith("v=DMARC1;")]
            # One record with a place for reports: help.brevo.com, "Can I have multiple DMARC records on my domain?"
            if len(policies) == 1 and "rua=" in policies[0].replace(" ", ""):
                seen.add(key)
        elif value in texts:
            seen.add(key)
    return seen


async def _address(host: str, port: int) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return str(found[0][4][0])


async def _ask(host: str, port: int, name: str, kind: str) -> list[str]:
    query = dns.message.make_query(name, kind)
    try:
        answer, _ = await dns.asyncquery.udp_with_fallback(query, host, timeout=_SECONDS, port=port)
    except (dns.exception.DNSException, OSError):
        return []
    records = [record for rrset in answer.answer if rrset.rdtype == dns.rdatatype.from_text(kind) for record in rrset]
    if kind == "CNAME":
        return [record.target.to_text(omit_final_dot=True).lower() for record in records]
    return [b"".join(record.strings).decode() for record in records]
