"""Looks at a domain's own name servers and finds everything that keeps its names from leading to a project.

What is asked: the addresses and aliases of each name, who may issue certificates (CAA, also above the name), whether
signatures fit (DNSSEC). Every name server must say the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from contracts import DnsRecord, ExaminedType, RecordFinding, RecordProblem, RecordType
from services.dns.authority import Answer, Authority
from services.dns.caa import ISSUER, forbids
from services.dns.proxies import is_proxy
from services.dns.sentences import finding
from shared.errors import TemporaryError

_FAMILIES = (RecordType.A, RecordType.AAAA)
_CAA = ExaminedType.CAA.value


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found wrong, in the order in which to mend it, and what each name server said."""

    findings: tuple[RecordFinding, ...]
    answers: tuple[Answer, ...] = ()

    def found(self) -> Iterator[str]:
        """What answers today, a line for each record."""
        for answer in self.answers:
            if answer.type != _CAA:
                yield from (f"{answer.name} {answer.type} {content}" for content in answer.contents)


async def examine(authority: Authority, hosts: Sequence[str], wanted: Sequence[DnsRecord]) -> Examination:
    """Examine `hosts`, all of one domain, the domain itself first; they must lead to `wanted` and nowhere else.

    Without `wanted` only what is wrong in any case is found.
    """
    # With cryptography, which takes 9 MB; most instances never see a domain that is held elsewhere.
    from services.dns.chain_of_trust import broken_chain  # noqa: PLC0415

    try:
        zone = await authority.zone_of(hosts[0])
        if "." not in zone:  # a top level answers for what is not registered
            return Examination((_no_servers(hosts[0]),))
        above = [parent for host in hosts for parent in _parents(host, zone)]
        kinds = (*_FAMILIES, RecordType.CNAME, _CAA)
        questions = [*((host, kind) for host in hosts for kind in kinds), *((parent, _CAA) for parent in above)]
        answers = await authority.look(zone, list(dict.fromkeys(questions)))
        outside = [each for parent in _parents(zone) for each in await _certifiers(authority, parent)]
        untrusted = await broken_chain(authority, zone)
    except TemporaryError:  # a domain without working name servers is its owner's matter
        return Examination((_no_servers(hosts[0]),))
    answered = [answer for answer in answers if not answer.problem]
    findings = list(_silent(zone, answers)) if answered else [_no_servers(zone)]
    if untrusted:
        findings.append(finding(RecordProblem.DNSSEC_BROKEN, zone, ExaminedType.DS, found=[untrusted]))
    for host in hosts if answered else ():
        own = [answer for answer in answered if answer.name == host]
        findings += _of_host(host, hosts, own, _contents_of(wanted, host))
    findings += _forbidden(hosts, [*answered, *outside])
    return Examination(tuple(findings), tuple(answers))


async def _certifiers(authority: Authority, parent: str) -> list[Answer]:
    """The CAA records of a name above the zone, which somebody else may hold; none if its servers do not answer."""
    try:
        answers = await authority.look(await authority.zone_of(parent), [(parent, _CAA)])
    except TemporaryError:
        return []
    return [answer for answer in answers if not answer.problem]


def _contents_of(wanted: Iterable[DnsRecord], host: str) -> dict[RecordType, frozenset[str]]:
    """What `host` must have of each family; empty if nobody knows what it must have at all."""
    contents: dict[RecordType, set[str]] = defaultdict(set)
    for record in wanted:
        if record.name == host:
            contents[record.type].add(record.content)
    return {kind: frozenset(contents[kind]) for kind in _FAMILIES} if contents else {}


def _no_servers(domain: str) -> RecordFinding:
    return finding(RecordProblem.NO_NAME_SERVERS, domain, ExaminedType.NS)


def _silent(zone: str, answers: Sequence[Answer]) -> Iterator[RecordFinding]:
    for answer in {each.server: each for each in answers if each.problem}.values():
        found = [f"{answer.server}: {answer.problem}"]
        yield finding(RecordProblem.NAME_SERVER_SILENT, zone, ExaminedType.NS, found=found)


def _of_host(
    host: str, hosts: Sequence[str], answers: Sequence[Answer], wanted: Mapping[RecordType, frozenset[str]]
) -> Iterator[RecordFinding]:
    aliases = sorted({alias.rstrip(".") for answer in answers for alias in answer.own(RecordType.CNAME)})
    addresses = {kind: [each for each in answers if each.type == kind] for kind in _FAMILIES}
    beside = sorted({content for kind in _FAMILIES for each in addresses[kind] for content in each.own(kind)})
    if aliases and beside:
        both = [f"CNAME {alias}" for alias in aliases] + beside
        yield finding(RecordProblem.ADDRESS_BESIDE_ALIAS, host, ExaminedType.CNAME, found=both)
    elif aliases:
        led = all(frozenset(each.contents) == wanted[kind] for kind in wanted for each in addresses[kind])
        if not led and not set(aliases) <= set(hosts):
            everything = sorted(content for contents in wanted.values() for content in contents)
            yield finding(RecordProblem.ALIAS_ELSEWHERE, host, ExaminedType.CNAME, found=aliases, wanted=everything)
    else:
        for kind in _FAMILIES:
            yield from _of_family(host, kind, addresses[kind], wanted)


def _of_family(
    host: str, kind: RecordType, answers: Sequence[Answer], wanted: Mapping[RecordType, frozenset[str]]
) -> Iterator[RecordFinding]:
    """What is wrong with the addresses of one family at a name without alias."""
    said = [frozenset(answer.contents) for answer in answers]
    found = sorted(frozenset().union(*said))
    right = sorted(wanted.get(kind, ()))
    proxies = [address for address in found if is_proxy(address)]
    strays = sorted(set(found) - set(right))
    asked = ExaminedType(kind)
    if proxies:
        yield finding(RecordProblem.PROXIED, host, asked, found=proxies, wanted=right)
    elif not wanted or all(each == set(right) for each in said):
        return
    elif any(each == set(right) for each in said):
        wrong = [f"{each.server}: {each.said}" for each in answers if set(each.contents) != set(right)]
        yield finding(RecordProblem.NOT_EVERYWHERE, host, asked, found=wrong, wanted=right)
    elif not found:
        yield finding(RecordProblem.MISSING, host, asked, wanted=right)
    elif set(right) <= set(found):
        yield finding(RecordProblem.STRAY_ADDRESS, host, asked, found=strays, wanted=right)
    else:
        yield finding(RecordProblem.LEADS_ELSEWHERE, host, asked, found=strays or found, wanted=right)


def _forbidden(hosts: Sequence[str], answers: Sequence[Answer]) -> Iterator[RecordFinding]:
    """The CAA records that count for a name are the first on the way up from it (RFC 8659 section 3)."""
    sets: dict[str, set[str]] = defaultdict(set)
    for answer in answers:
        if answer.type == _CAA:
            sets[answer.name].update(answer.contents)
    told: list[set[str]] = []
    for host in hosts:
        holder = next((name for name in (host, *_parents(host)) if sets.get(name)), host)
        rules = sets[holder]
        if rules not in told and forbids(rules):  # what an alias leads to counts as well, and is told once
            told.append(rules)
            right = [f'0 issue "{ISSUER}"']
            yield finding(RecordProblem.CAA_FORBIDS, holder, ExaminedType.CAA, found=sorted(rules), wanted=right)


def _parents(name: str, zone: str | None = None) -> Iterator[str]:
    """The names above `name`, up to `zone`, else to the one below the top level."""
    while name != zone and name.count(".") > 1:
        name = name.partition(".")[2]
        yield name
