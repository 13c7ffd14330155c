"""DNS records as INWX keeps them, and what it refuses to keep."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT

from .answers import invalid

MIN_TTL = 300
MAX_TTL = 864_000

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_MAX_NAME = 253  # RFC 1035, as text without the final dot
_MAX_STRING = 255  # RFC 1035, one character-string of a TXT record


class RecordType(StrEnum):
    """The types INWX takes, without ALIAS and URL: their answers are INWX's own making."""

    A = "A"
    AAAA = "AAAA"
    AFSDB = "AFSDB"
    CAA = "CAA"
    CERT = "CERT"
    CNAME = "CNAME"
    HINFO = "HINFO"
    HTTPS = "HTTPS"
    LOC = "LOC"
    MX = "MX"
    NAPTR = "NAPTR"
    NS = "NS"
    OPENPGPKEY = "OPENPGPKEY"
    PTR = "PTR"
    RP = "RP"
    SMIMEA = "SMIMEA"
    SOA = "SOA"
    SRV = "SRV"
    SSHFP = "SSHFP"
    SVCB = "SVCB"
    TLSA = "TLSA"
    TXT = "TXT"
    URI = "URI"


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `name` is absolute, in lower case, without a final dot."""

    id: str
    name: str
    type: RecordType
    content: str
    ttl: int
    prio: int
    rdata: dns.rdata.Rdata

    @property
    def key(self) -> tuple[RecordType, bytes]:
        """What makes two records of one name the same: type and content, not `ttl`, not `prio`."""
        return self.type, _rdata(self.type, self.content, 0).to_digestable()

    def row(self) -> dict[str, Any]:
        """The record in INWX's own form."""
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type.value,
            "content": self.content,
            "ttl": self.ttl,
            "prio": self.prio,
        }


def record(*, id: str, name: str, type: RecordType, content: str, ttl: int, prio: int) -> Record:  # noqa: A002 INWX's names
    """A record for an absolute `name`; raises the 2005 refusal for content that the type cannot have."""
    if type in _TARGET_ONLY or type is RecordType.SRV:
        content = content if content == "." else content.removesuffix(".")
    try:
        rdata = _rdata(type, content, prio)
    except (ValueError, dns.exception.DNSException) as error:
        raise invalid("content", content) from error
    return Record(id, name, type, content, ttl, prio, rdata)


def absolute_name(name: str, zone: str) -> str:
    """`name` as INWX stores it: absolute and relative ones are taken, ``@`` and nothing mean the zone itself.

    Raises the 2005 refusal; a final dot is refused, since INWX takes such a name for a relative one.
    """
    name = name.lower()
    if name in ("", "@", zone):
        return zone
    absolute = name if name.endswith(f".{zone}") else f"{name}.{zone}"
    if not is_host(absolute.removeprefix("*.")):
        raise invalid("name", name)
    return absolute


def is_host(text: str) -> bool:
    """Whether `text` is a DNS name in lower case, IDNs in punycode, without a final dot."""
    return len(text) <= _MAX_NAME and all(_LABEL.fullmatch(label) for label in text.split("."))


_TARGET_ONLY = {RecordType.CNAME, RecordType.NS, RecordType.PTR, RecordType.MX}


def _rdata(kind: RecordType, content: str, prio: int) -> dns.rdata.Rdata:
    if kind is RecordType.TXT:
        return _txt(content)
    if kind is RecordType.A:
        ipaddress.IPv4Address(content)
    elif kind is RecordType.AAAA:
        ipaddress.IPv6Address(content)
    elif kind in _TARGET_ONLY and not is_host(content.lower()) and (kind, content) != (RecordType.MX, "."):
        raise ValueError(f"{content!r} is no host name")
    match kind:
        case RecordType.MX | RecordType.SRV:
            content = f"{prio} {content}"
        case RecordType.SOA:  # as INWX shows it: server, mail address, serial
            server, mail, serial = content.split(" ")
            content = f"{server} {mail.replace('@', '.')} {serial} 10800 3600 604800 3600"
    return dns.rdata.from_text(
        dns.rdataclass.IN, dns.rdatatype.from_text(kind), content, origin=dns.name.root, relativize=False
    )


def _txt(content: str) -> dns.rdata.Rdata:
    if content != content.rstrip():
        raise ValueError("a TXT record cannot end in a blank")
    raw = content.encode()
    strings = [raw[at : at + _MAX_STRING] for at in range(0, len(raw), _MAX_STRING)]
    return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)
