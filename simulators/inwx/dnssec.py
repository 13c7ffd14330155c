"""Signatures of a zone at another registrar, right or wrong (RFC 4034), with what its parent zone says of its keys.

Only the SOA and DNSKEY records are signed. The DS records stand in the zone itself: its parent is not simulated.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import dns.dnssec
import dns.name
import dns.rrset
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dns.dnssectypes import Algorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY

_TTL = 3600
_KEY_SIGNING = 257


class Dnssec(StrEnum):
    """How well a zone is signed."""

    VALID = "valid"
    OTHER_KEY = "other_key"  # the parent vouches for a key that the zone does not have
    EXPIRED = "expired"
    UNSIGNED = "unsigned"  # the parent vouches for a key, and the zone has moved to servers that do not sign


class Signer:
    """Keeps one zone signed in this way."""

    def __init__(self, origin: dns.name.Name, how: Dnssec) -> None:
        self._origin = origin
        self._how = how
        self._private = Ed25519PrivateKey.generate()
        self._key = self._public(self._private)
        vouched = self._public(Ed25519PrivateKey.generate()) if how is Dnssec.OTHER_KEY else self._key
        self._ds = dns.rrset.from_rdata(origin, _TTL, dns.dnssec.make_ds(origin, vouched, "SHA256"))

    def rrsets(self, soa: dns.rrset.RRset) -> list[dns.rrset.RRset]:
        """What the zone's own name holds beside its records."""
        if self._how is Dnssec.UNSIGNED:
            return [self._ds]
        keys = dns.rrset.from_rdata(self._origin, _TTL, self._key)
        return [self._ds, keys, self._signature(keys), self._signature(soa)]

    def _signature(self, signed: dns.rrset.RRset) -> dns.rrset.RRset:
        begins = datetime.now(UTC) - timedelta(days=30)
        ends = begins + timedelta(days=10 if self._how is Dnssec.EXPIRED else 90)
        signature = dns.dnssec.sign(signed, self._private, self._origin, self._key, begins, ends)
        return dns.rrset.from_rdata(self._origin, signed.ttl, signature)

    @staticmethod
    def _public(private: Ed25519PrivateKey) -> DNSKEY:
        return dns.dnssec.make_dnskey(private.public_key(), Algorithm.ED25519, _KEY_SIGNING)
