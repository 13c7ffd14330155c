"""Authoritative name servers over UDP and TCP (RFC 1034, 1035, 2308, 4592), each with a copy of the zones.

No recursion, no zone transfer and no delegation below a zone: what lies there is answered from the zone. Signatures are
given to whoever asks for them (RFC 3225), where a zone has some.
"""

from collections import Counter, deque
from time import monotonic

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .zones import Change

_HEADER = 12  # bytes, RFC 1035 section 4.1.1
_PLAIN_UDP = 512  # bytes, RFC 1035 section 4.2.1
_STREAM = 65_535
_MAX_CHAIN = 8
_ASTERISK = dns.name.Name(["*"])

RRsets = dict[dns.rdatatype.RdataType, dns.rrset.RRset]


class NameServer:
    """Answers from its own copy of the zones, into which a change comes some seconds after it was made."""

    def __init__(self) -> None:
        self._delay = 0.0
        self._zones: dict[dns.name.Name, _Copy] = {}
        self._pending: deque[tuple[float, Change]] = deque()

    def lag(self, seconds: float) -> None:
        """Set the delay, also for changes that are not visible yet; what is visible stays so."""
        self._catch_up()
        self._delay = seconds

    def publish(self, change: Change) -> None:
        """Take note of a change; changes become visible in the order in which they were made."""
        self._pending.append((monotonic(), change))

    def answer(self, wire: bytes, *, datagram: bool) -> bytes | None:
        """The answer to a message in wire format; nothing if it deserves none."""
        try:
            query = dns.message.from_wire(wire)
            response = dns.message.make_response(query)
        except dns.exception.DNSException:
            return _format_error(wire)
        self._catch_up()
        if query.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
        elif len(query.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
        elif _is_refused(query.question[0]):
            response.set_rcode(dns.rcode.REFUSED)
        else:
            asked = query.question[0]
            self._resolve(response, asked.name, asked.rdtype, signed=bool(query.ednsflags & dns.flags.DO))
        limit = (query.payload if query.edns >= 0 else _PLAIN_UDP) if datagram else _STREAM
        return response.to_wire(max_size=limit, prefer_truncation=True)

    def _catch_up(self) -> None:
        while self._pending and self._pending[0][0] + self._delay <= monotonic():
            _, change = self._pending.popleft()
            if change.owner is None:
                self._zones.pop(change.zone, None)
            else:
                self._zones.setdefault(change.zone, _Copy(change.zone)).replace(change.owner, change.rrsets)

    def _resolve(
        self, response: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType, *, signed: bool
    ) -> None:
        for _ in range(_MAX_CHAIN):
            zone = self._zone_of(name)
            if zone is None:
                if not response.answer:
                    response.set_rcode(dns.rcode.REFUSED)
                return
            response.flags |= dns.flags.AA
            found = zone.find(name)
            if found is not None and kind in found:
                response.answer.append(found[kind])
                if signed and (signature := zone.signature(name, kind)):
                    response.answer.append(signature)
                return
            if found is None or dns.rdatatype.CNAME not in found:
                if found is None:
                    response.set_rcode(dns.rcode.NXDOMAIN)
                response.authority.append(zone.negative_soa())
                return
            alias = found[dns.rdatatype.CNAME]
            response.answer.append(alias)
            name = alias[0].target

    def _zone_of(self, name: dns.name.Name) -> "_Copy | None":
        while name != dns.name.root:
            if name in self._zones:
                return self._zones[name]
            name = name.parent()
        return None


class _Copy:
    """One zone as one name server has it."""

    def __init__(self, origin: dns.name.Name) -> None:
        self._origin = origin
        self._names: dict[dns.name.Name, RRsets] = {}
        self._signatures: dict[dns.name.Name, RRsets] = {}
        self._below: Counter[dns.name.Name] = Counter()  # how many names make an empty one above them exist

    def replace(self, owner: dns.name.Name, rrsets: tuple[dns.rrset.RRset, ...]) -> None:
        known = owner in self._names
        if rrsets:
            self._names[owner] = {rrset.rdtype: rrset for rrset in rrsets if rrset.covers == dns.rdatatype.NONE}
            self._signatures[owner] = {rrset.covers: rrset for rrset in rrsets if rrset.covers != dns.rdatatype.NONE}
        else:
            self._names.pop(owner, None)
        step = bool(rrsets) - known
        while step and owner != self._origin:
            owner = owner.parent()
            self._below[owner] += step

    def find(self, name: dns.name.Name) -> RRsets | None:
        """What the name has, wildcards included; nothing if it does not exist."""
        if self._exists(name):
            return self._names.get(name, {})
        encloser = name.parent()
        while not self._exists(encloser):
            encloser = encloser.parent()
        wildcard = self._names.get(_ASTERISK.derelativize(encloser))
        if wildcard is None:
            return None
        return {kind: dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset)) for kind, rrset in wildcard.items()}

    def signature(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
        """The signature of these records, if they have one."""
        return self._signatures.get(name, {}).get(kind)

    def negative_soa(self) -> dns.rrset.RRset:
        """The SOA record with the time for which "no such record" may be kept (RFC 2308 section 3)."""
        soa = self._names[self._origin][dns.rdatatype.SOA]
        return dns.rrset.from_rdata_list(self._origin, min(soa.ttl, soa[0].minimum), list(soa))

    def _exists(self, name: dns.name.Name) -> bool:
        return name == self._origin or name in self._names or self._below[name] > 0


def _is_refused(question: dns.rrset.RRset) -> bool:
    return question.rdclass != dns.rdataclass.IN or dns.rdatatype.is_metatype(question.rdtype)


def _format_error(wire: bytes) -> bytes | None:
    if len(wire) < _HEADER or wire[2] & 0x80:  # too short to answer, or an answer itself
        return None
    response = dns.message.Message(id=int.from_bytes(wire[:2]))
    response.flags = dns.flags.QR
    response.set_rcode(dns.rcode.FORMERR)
    return response.to_wire()
