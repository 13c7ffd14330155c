"""What the name servers of a zone answer, each asked by itself.

A resolver is asked for their names and addresses only, never for the answer: it may keep an old one for hours.
"""

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver

from contracts import DnsRecord, RecordType
from shared.crash_points import CrashPoint, reached
from shared.errors import TemporaryError
from shared.metrics import vendor_call

TIMEOUT = 2.0
"""Seconds for one question to one server."""

_DNS_PORT = 53

Expected = Mapping[tuple[str, RecordType], frozenset[str]]
"""For each name and type exactly the contents that must answer; none means there must be no such record."""


class ServerAddress(NamedTuple):
    """A name server: host name or IP address, and port."""

    host: str
    port: int = _DNS_PORT

    def __str__(self) -> str:
        return self.host if self.port == _DNS_PORT else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one server says to one question: contents in order, or the `problem` that kept it from answering.

    `contents` stand at the end of the chain of aliases that the server itself gives, `message` is its whole answer.
    """

    server: str
    name: str
    type: str
    expected: frozenset[str] = frozenset()
    contents: tuple[str, ...] = ()
    problem: str | None = None
    message: dns.message.Message | None = field(default=None, repr=False, compare=False)

    def own(self, kind: str) -> tuple[str, ...]:
        """Contents of this type that stand at the name itself, whatever aliases there are."""
        owner, rdtype = dns.name.from_text(self.name), dns.rdatatype.from_text(kind)
        sections = self.message.answer if self.message else ()
        found = [rrset for rrset in sections if rrset.name == owner and rrset.rdtype == rdtype]
        return tuple(sorted(record.to_text() for rrset in found for record in rrset))

    @property
    def matches(self) -> bool:
        """Whether exactly the expected contents came."""
        return self.problem is None and frozenset(self.contents) == self.expected

    @property
    def said(self) -> str:
        """The answer for people."""
        return self.problem or ", ".join(self.contents) or "no such record"

    def __str__(self) -> str:
        wanted = ", ".join(sorted(self.expected)) or "nothing"
        return f"{self.server} answers {self.name} {self.type} with {self.said} instead of {wanted}"


def expected_of(records: Iterable[DnsRecord]) -> dict[tuple[str, RecordType], frozenset[str]]:
    """What must answer when exactly `records` are set."""
    expected: dict[tuple[str, RecordType], frozenset[str]] = {}
    for record in records:
        key = record.name, record.type
        expected[key] = expected.get(key, frozenset()) | {record.content}
    return expected


def as_detail(answers: Iterable[Answer]) -> dict[str, dict[str, str]]:
    """What each server said, for the log."""
    detail: dict[str, dict[str, str]] = {}
    for answer in answers:
        detail.setdefault(answer.server, {})[f"{answer.name} {answer.type}"] = answer.said
    return detail


def text_of(content: str) -> str:
    """A TXT record's content in one piece. In zone files it is quoted, in pieces of at most 255 bytes."""
    if not content.startswith('"'):
        return content
    try:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, content)
    except dns.exception.DNSException:
        return content
    return b"".join(getattr(rdata, "strings")).decode(errors="replace")  # noqa: B009 - of TXT, which mypy does not know


class Authority:
    """Asks every authoritative server; `servers` instead of the zone's own, where those cannot be reached."""

    def __init__(self, servers: Sequence[ServerAddress] = (), *, timeout: float = TIMEOUT) -> None:
        self._fixed = tuple(servers)
        self._timeout = timeout

    async def ask(self, zone: str, expected: Expected) -> list[Answer]:
        """Ask all servers of `zone` all questions at once.

        Raises:
            TemporaryError: the zone's name servers cannot be found.

        """
        questions = list(expected)
        answers = await self.look(zone, questions)
        return [replace(answer, expected=expected[answer.name, RecordType(answer.type)]) for answer in answers]

    async def look(self, zone: str, questions: Sequence[tuple[str, str]], *, dnssec: bool = False) -> list[Answer]:
        """Ask all servers of `zone` for names and types at once, with `dnssec` for the signatures too.

        Raises:
            TemporaryError: the zone's name servers cannot be found.

        """
        servers = [(server, await _address(server)) for server in self._fixed] or await self._servers_of(zone)
        asked = [
            self._ask(server, address, Answer(str(server), name, kind), dnssec=dnssec)
            for server, address in servers
            for name, kind in questions
        ]
        return list(await asyncio.gather(*asked))

    async def texts(self, name: str) -> tuple[str, ...]:
        """Read the TXT records of a name of anybody's, as whoever receives mail does: from a resolver.

        Raises:
            TemporaryError: the question found no answer.

        """
        if self._fixed:
            answers = await self.look(name, [(name, "TXT")])
            told = next((answer for answer in answers if not answer.problem), None)
            if told is None:
                raise TemporaryError(f"no name server answers for {name}: {answers[0].problem}", code="dns_silent")
            return tuple(text_of(content) for content in told.contents)
        try:
            found = await self._resolver.resolve(name, "TXT", raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return ()
        except dns.exception.DNSException as error:
            raise TemporaryError(f"no answer for the TXT records of {name}: {error}", code="dns_silent") from error
        return tuple(text_of(record.to_text()) for record in found.rrset or ())

    async def parent_of(self, zone: str) -> str | None:
        """Find the zone that delegates `zone`; None where name servers are given instead of the zones' own.

        Raises:
            TemporaryError: the question found no answer.

        """
        return None if self._fixed else await self.zone_of(zone.partition(".")[2])

    async def zone_of(self, name: str) -> str:
        """Find the zone that holds `name`, whoever runs it (the SOA record, RFC 1035 section 3.3.13).

        Not for names of ours that may be missing yet: a resolver remembers that for up to an hour (RFC 2308).

        Raises:
            TemporaryError: the question found no answer.

        """
        if self._fixed:
            return name
        try:
            zone = await dns.asyncresolver.zone_for_name(name, resolver=self._resolver)
        except dns.exception.DNSException as error:
            raise TemporaryError(f"cannot find the DNS zone of {name}: {error}", code="dns_zone_unknown") from error
        return zone.to_text(omit_final_dot=True).lower()

    @cached_property
    def _resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver()
        resolver.cache = dns.resolver.LRUCache()
        return resolver

    async def _servers_of(self, zone: str) -> list[tuple[ServerAddress, str]]:
        try:
            answer = await self._resolver.resolve(zone, "NS")
            names = sorted(target.to_text(omit_final_dot=True).lower() for target in _targets(answer))
            found = await asyncio.gather(*(self._resolver.resolve_name(name) for name in names))
        except dns.exception.DNSException as error:
            raise TemporaryError(f"cannot find the name servers of {zone}: {error}", code="dns_no_servers") from error
        # One address each, IPv4 if there is one: containers often have no way to IPv6.
        addresses = [min(answers.addresses(), key=lambda address: ":" in address) for answers in found]
        return [(ServerAddress(name), address) for name, address in zip(names, addresses, strict=True)]

    async def _ask(self, server: ServerAddress, address: str, asked: Answer, *, dnssec: bool) -> Answer:
        query = dns.message.make_query(asked.name, asked.type, flags=0, want_dnssec=dnssec)  # no recursion
        reached(CrashPoint.BEFORE_QUERY)
        try:
            with vendor_call("name server"):
                udp = dns.asyncquery.udp_with_fallback(query, address, timeout=self._timeout, port=server.port)
                response, _ = await udp
            reached(CrashPoint.AFTER_QUERY)
        except dns.exception.Timeout:
            return replace(asked, problem=f"no answer within {self._timeout:g} s")
        except (dns.exception.DNSException, OSError, EOFError) as error:
            return replace(asked, problem=f"no answer ({type(error).__name__}: {error})")
        if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return replace(asked, problem=f"code {dns.rcode.to_text(response.rcode())}")
        if not response.flags & dns.flags.AA:
            return replace(asked, problem="an answer without authority for the zone")
        return replace(asked, contents=_contents(response), message=response)


def _targets(answer: dns.resolver.Answer) -> list[dns.name.Name]:
    return [record.target for record in answer]


def _contents(response: dns.message.Message) -> tuple[str, ...]:
    """The records at the end of the chain of aliases that the server itself gives."""
    if not isinstance(response, dns.message.QueryMessage):
        return ()
    try:
        rrset = response.resolve_chaining().answer
    except dns.exception.DNSException:
        return ()
    return tuple(sorted(record.to_text() for record in rrset)) if rrset else ()


async def _address(server: ServerAddress) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise TemporaryError(
            f"cannot resolve the name server {server.host!r} of VRS_DNS_SERVERS: {error}", code="dns_no_servers"
        ) from error
    return str(found[0][4][0])
