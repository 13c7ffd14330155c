"""The records of a customer's that must not vanish when a domain changes its name servers: above all those for mail.

A zone cannot be listed from outside, so what is usual is asked for, at the domain's own name servers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from secrets import token_hex

import dns.name
import dns.rdata
import dns.rdatatype

from services.dns.authority import Answer, Authority
from shared.errors import TemporaryError

_TEXTS = (
    "",  # SPF, verifications
    "www",
    "_dmarc",
    "_mta-sts",
    "_smtp._tls",
    *(f"{name}._domainkey" for name in ("default", "dkim", "google", "k1", "k2", "k3", "mail", "s1", "s2")),
    *(f"{name}._domainkey" for name in ("selector1", "selector2", "brevo", "brevo1", "brevo2", "mandrill")),
)
"""Where TXT records usually stand; a DKIM key may also be an alias."""

_SERVERS = ("mail", "smtp", "imap", "pop", "pop3", "webmail", "autodiscover", "autoconfig")
"""Names under which mail programs look for their server."""

_ADDRESSES = ("A", "AAAA", "CNAME")

AT_ONCE = 8
"""Questions to each name server."""


@dataclass(frozen=True, slots=True, order=True)
class ForeignRecord:
    """A record that we did not make: absolute name, content in INWX's form, `prio` of an MX."""

    name: str
    type: str
    content: str
    prio: int = 0

    def __str__(self) -> str:
        return f"{self.type} {self.name} {f'{self.prio} ' if self.type == 'MX' else ''}{self.content}"


async def records_to_keep(authority: Authority, domain: str, hosts: Sequence[str]) -> list[ForeignRecord] | None:
    """Ask the domain's present name servers; None if there is a question that none of them answers.

    `hosts` are the names that will lead to the project: their addresses and aliases are not among the records.
    """
    nowhere = f"{token_hex(8)}.{domain}"  # what answers here is a wildcard's
    named = [_under(domain, name) for name in _TEXTS]
    questions = [(domain, "MX"), *((name, "TXT") for name in named)]
    questions += [(name, "CNAME") for name in named if "_domainkey" in name]
    questions += [(_under(domain, name), kind) for name in _SERVERS for kind in _ADDRESSES]
    questions += [(nowhere, kind) for kind in ("TXT", *_ADDRESSES)]
    answers = await _answers(authority, domain, questions)
    if not answers:
        return None
    found = _records(answers)
    elsewhere = {each.content for each in found if each.type == "MX" and each.content.endswith(f".{domain}")}
    asked = [(name, kind) for name in sorted(elsewhere - {name for name, _ in questions}) for kind in _ADDRESSES]
    if asked:
        more = await _answers(authority, domain, asked)
        if not more:
            return None
        found |= _records(more)
    wild = {(each.type, each.content) for each in found if each.name == nowhere}
    return sorted(
        each
        for each in found
        if (each.type, each.content) not in wild and not (each.name in hosts and each.type in _ADDRESSES)
    )


def _under(domain: str, name: str) -> str:
    return f"{name}.{domain}" if name else domain


async def _answers(authority: Authority, domain: str, questions: Sequence[tuple[str, str]]) -> list[Answer]:
    """Ask a few questions at a time, as name servers limit bursts; nothing if one finds no answer at any server."""
    answered: list[Answer] = []
    for start in range(0, len(questions), AT_ONCE):
        asked = questions[start : start + AT_ONCE]
        try:
            answers = [answer for answer in await authority.look(domain, asked) if not answer.problem]
        except TemporaryError:
            return []
        if {(answer.name, answer.type) for answer in answers} != set(asked):
            return []
        answered += answers
    return answered


def _records(answers: Iterable[Answer]) -> set[ForeignRecord]:
    """What stands at the names themselves, whatever aliases lead to."""
    found = set()
    for answer in answers:
        owner, kind = dns.name.from_text(answer.name), dns.rdatatype.from_text(answer.type)
        for rrset in answer.message.answer if answer.message else ():
            if (rrset.name, rrset.rdtype) == (owner, kind):
                found |= {_record(answer.name, answer.type, rdata) for rdata in rrset}
    return found


def _record(name: str, kind: str, rdata: dns.rdata.Rdata) -> ForeignRecord:
    match kind:
        case "TXT":
            text: str = b"".join(rdata.strings).decode(errors="replace")  # type: ignore[attr-defined]  # of this type
            return ForeignRecord(name, kind, text.rstrip())
        case "MX":
            host: str = rdata.exchange.to_text(omit_final_dot=True).lower()  # type: ignore[attr-defined]  # as above
            return ForeignRecord(name, kind, host or ".", rdata.preference)  # type: ignore[attr-defined]  # as above
        case _:
            return ForeignRecord(name, kind, rdata.to_text().rstrip(".").lower())
