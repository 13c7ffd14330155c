"""SPF records (RFC 7208): one that lets Brevo send, merged into what is there, taken out again, and its DNS lookups."""

import re
from collections.abc import Awaitable, Callable

INCLUDE = "include:spf.brevo.com"
"""Lets Brevo's servers send (help.brevo.com, "Authenticate your domain with Brevo")."""

MOST_LOOKUPS = 10
"""RFC 7208 section 4.6.4."""

NEW = f"v=spf1 {INCLUDE} ~all"

Texts = Callable[[str], Awaitable[tuple[str, ...]]]
"""The TXT records of a name; raises `TemporaryError` if nobody answers."""

_VERSION = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_ALL = re.compile(r"[+?~-]?all", re.IGNORECASE)
_LOOKUP = re.compile(r"[+?~-]?(include|a|mx|ptr|exists)(?:[:/].*)?", re.IGNORECASE)
_FOLLOWED = re.compile(r"(?:[+?~-]?include:|redirect=)(.+)", re.IGNORECASE)
_REDIRECT = "redirect="


class SpfBrokenError(Exception):
    """A receiver would give up on the record (permerror); the message says why."""


class TooManyLookupsError(Exception):
    """More than ten DNS lookups."""


def is_spf(text: str) -> bool:
    """Whether a TXT record is an SPF record (section 4.5)."""
    return _VERSION.match(text) is not None


def includes(record: str) -> bool:
    """Whether the record lets Brevo send already: its include, before what ends the evaluation."""
    for term in _terms(record):
        if term.lower().lstrip("+") == INCLUDE:
            return True
        if _ALL.fullmatch(term):
            return False
    return False


def merged(record: str) -> str:
    """The record with Brevo's include, before the mechanism that ends the evaluation; the rest is as it was."""
    if includes(record):
        return record
    version, *terms = record.split()
    kept = [term for term in terms if term.lower().lstrip("+") != INCLUDE]  # one behind "all" is never looked at
    ends = (at for at, term in enumerate(kept) if _ALL.fullmatch(term) or term.lower().startswith(_REDIRECT))
    at = next(ends, len(kept))
    return " ".join([version, *kept[:at], INCLUDE, *kept[at:]])


def without(record: str) -> str:
    """The record without Brevo's include."""
    version, *terms = record.split()
    return " ".join([version, *(term for term in terms if term.lower().lstrip("+") != INCLUDE)])


async def lookups(record: str, texts: Texts) -> int:
    """Count the DNS lookups of an evaluation in which nothing matches, with what is included really looked up.

    Raises:
        TooManyLookupsError: more than ten.
        SpfBrokenError: an include leads to no SPF record, or to several.
        TemporaryError: nobody answers for an include.

    """
    spent, todo = 0, [record]
    while todo:
        for term in _evaluated(todo.pop()):
            followed = _FOLLOWED.fullmatch(term)
            if followed is None and _LOOKUP.fullmatch(term) is None:
                continue
            spent += 1
            if spent > MOST_LOOKUPS:  # also the end of records that include each other
                raise TooManyLookupsError
            if followed and "%" not in followed[1]:  # with a macro it depends on the mail
                todo.append(await _record_of(followed[1].lower().rstrip("."), texts))
    return spent


def _evaluated(record: str) -> list[str]:
    """The terms that count: nothing behind "all", and redirect only without it (section 6.1)."""
    terms = _terms(record)
    end = next((at for at, term in enumerate(terms) if _ALL.fullmatch(term)), None)
    kept = terms if end is None else terms[:end]
    return kept if end is None else [term for term in kept if not term.lower().startswith(_REDIRECT)]


def _terms(record: str) -> list[str]:
    return record.split()[1:]


async def _record_of(name: str, texts: Texts) -> str:
    found = [text for text in await texts(name) if is_spf(text)]
    if len(found) != 1:
        raise SpfBrokenError(f"{name} has {'no SPF record' if not found else f'{len(found)} SPF records'}")
    return found[0]
