"""From what a customer types to a name of its own below one of our base domains, claimed so that no two collide."""

import secrets
import unicodedata
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from slugify import slugify
from sqlalchemy import Connection, Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, scoped_session

from shared.models import BaseDomain, ProjectDomain
from shared.reserved_names import is_reserved, reserved_names

LONGEST = 63
"""Bytes of a DNS label (RFC 1035); a slug is ASCII."""

NUMBERED = range(2, 10)
"""After these a name gets four random characters: a popular one must not be counted up for ever."""

PREFIX = "projekt"

_GERMAN = [
    (upper, lower) for small, lower in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")) for upper in (small, small.upper())
]
_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class UnknownBaseDomainError(ValueError):
    """Names are not given below this domain (any more)."""


def slug_of(typed: str) -> str:
    """Derive a slug of 1 to 63 of a-z, 0-9 and inner hyphens that is not reserved.

    Umlauts are written out, other scripts spelled in Latin letters, emoji and offensive words left out. What leaves
    nothing is ``projekt``, and what looks like a system's name gets that in front.
    """
    # Decomposed letters, as some systems type them, must be whole before their umlauts are replaced.
    whole = unicodedata.normalize("NFC", typed)
    slug = slugify(whole, replacements=_GERMAN, stopwords=reserved_names()[1], max_length=LONGEST, word_boundary=True)
    if not slug:
        return PREFIX
    return f"{PREFIX}-{slug}"[:LONGEST].rstrip("-") if is_reserved(slug) else slug


def claim_name(
    session: Connection | Session | scoped_session[Any], typed: str, *, base_domain: str, project_id: UUID
) -> str:
    """Claim a name below `base_domain` for the project, in the caller's transaction; return its slug.

    It is `slug_of` what was typed, with a number or four characters behind it if that is taken. A project that has a
    name there keeps it. The name is given back with a rollback, and when the project is cancelled. Waits for another
    transaction that is just claiming the same name, or removing the base domain; until the end of this one nobody
    removes it.

    Raises:
        UnknownBaseDomainError: `base_domain` is none of ours.

    """
    if not session.execute(hold(base_domain)).scalar():
        raise UnknownBaseDomainError(f"{base_domain} is none of our base domains; `vrs domains list` shows them")
    held = select(ProjectDomain.host).where(ProjectDomain.project_id == project_id, ProjectDomain.is_primary)
    slug, _, zone = str(session.execute(held).scalar() or "").partition(".")
    if zone == base_domain:
        return slug
    zones = set(session.execute(select(BaseDomain.name)).scalars())
    for slug in _candidates(slug_of(typed)):
        host = f"{slug}.{base_domain}"
        if host in zones or is_reserved(slug):
            continue
        claim = insert(ProjectDomain).values(host=host, project_id=project_id, is_primary=True)
        claimed = claim.on_conflict_do_nothing(index_elements=["host"]).returning(ProjectDomain.host)
        if session.execute(claimed).scalar():
            return slug
    raise AssertionError("candidates never end")


def free_name(session: Connection | Session | scoped_session[Any], typed: str, *, base_domain: str) -> str:
    """Return the slug that `claim_name` would claim as things stand. Claims nothing."""
    zones = set(session.execute(select(BaseDomain.name)).scalars())
    for slug in _candidates(slug_of(typed)):
        host = f"{slug}.{base_domain}"
        held = select(ProjectDomain.host).where(ProjectDomain.host == host)
        if host not in zones and not is_reserved(slug) and session.execute(held).scalar() is None:
            return slug
    raise AssertionError("candidates never end")


def hold(*base_domains: str) -> Select[str]:
    """The statement that reads which of `base_domains` are ours and keeps them so until the transaction ends."""
    ours = select(BaseDomain.name).where(BaseDomain.name.in_(base_domains)).order_by(BaseDomain.name)
    return ours.with_for_update(read=True, key_share=True)


def _candidates(slug: str) -> Iterator[str]:
    yield slug
    for number in NUMBERED:
        yield _with(slug, str(number))
    while True:
        yield _with(slug, "".join(secrets.choice(_CHARACTERS) for _ in range(4)))


def _with(slug: str, end: str) -> str:
    return f"{slug[: LONGEST - len(end) - 1].rstrip('-')}-{end}"
