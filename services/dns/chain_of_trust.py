"""Whether a zone's signatures are what its parent vouches for (DNSSEC, RFC 4035); if not, many cannot see the zone."""

from collections.abc import Sequence

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.DNSKEY
import dns.rdtypes.ANY.DS
import dns.rrset
from dns.exception import UnsupportedAlgorithm

from services.dns.authority import Answer, Authority

_KEYS, _DELEGATION, _START = "DNSKEY", "DS", "SOA"


async def broken_chain(authority: Authority, zone: str) -> str | None:
    """Say in English what is wrong with the zone's DNSSEC; None if it is in order, or not used.

    Negative answers and algorithms that this machine does not know are not judged.

    Raises:
        TemporaryError: name servers cannot be found.

    """
    parent = await authority.parent_of(zone)
    delegation = _first(await authority.look(parent or zone, [(zone, _DELEGATION)]), zone, _DELEGATION)
    if delegation is None:
        return None
    answers = await authority.look(zone, [(zone, _KEYS), (zone, _START)], dnssec=True)
    for server in dict.fromkeys(answer.server for answer in answers if not answer.problem):
        own = [answer for answer in answers if answer.server == server]
        if wrong := _judged(zone, delegation, own):
            return f"{server}: {wrong}"
    return None


def _judged(zone: str, delegation: dns.rrset.RRset, answers: Sequence[Answer]) -> str | None:
    keys = _first(answers, zone, _KEYS)
    if keys is None:
        return "the parent zone has DS records, and the zone has no keys (DNSKEY)"
    name = dns.name.from_text(zone)
    trusted = [
        key for key in keys if isinstance(key, dns.rdtypes.ANY.DNSKEY.DNSKEY) and _vouched(name, key, delegation)
    ]
    if not trusted:
        return "none of the zone's keys (DNSKEY) is that of the parent zone's DS records"
    vouched = dns.rrset.from_rdata_list(name, keys.ttl, trusted)
    for kind, signers in ((_KEYS, vouched), (_START, keys)):
        signed = _first(answers, zone, kind)
        signatures = _first(answers, zone, kind, signatures=True)
        if signed is None or signatures is None:
            return f"the {kind} records are not signed"
        try:
            dns.dnssec.validate(signed, signatures, {name: signers})
        except UnsupportedAlgorithm:
            return None
        except dns.exception.DNSException as error:
            return f"the signature of the {kind} records is not valid ({error})"
    return None


def _vouched(zone: dns.name.Name, key: dns.rdtypes.ANY.DNSKEY.DNSKEY, delegation: dns.rrset.RRset) -> bool:
    for record in delegation:
        try:
            if (
                isinstance(record, dns.rdtypes.ANY.DS.DS)
                and dns.dnssec.make_ds(zone, key, record.digest_type, validating=True) == record
            ):
                return True
        except dns.exception.DNSException:  # a kind of digest that nobody uses any more, or not yet
            continue
    return False


def _first(answers: Sequence[Answer], zone: str, kind: str, *, signatures: bool = False) -> dns.rrset.RRset | None:
    """The zone's own records of this type, or their signatures, from the first server that has them."""
    owner, wanted = dns.name.from_text(zone), dns.rdatatype.from_text(kind)
    for answer in answers:
        for rrset in answer.message.answer if answer.message else ():
            found = rrset.covers if signatures else rrset.rdtype
            if rrset.name == owner and found == wanted:
                return rrset
    return None
