"""Host names: stored and sent as A-labels (``xn--…``), typed and shown as U-labels (``müller.example``)."""

import re

import idna

from contracts.event import LABEL

_HOST = re.compile(rf"(?:{LABEL}\.)+{LABEL}")
_ENCODED = re.compile(rf"(?:{LABEL}\.)*xn--{LABEL}(?:\.{LABEL})*")
LONGEST = 253


def as_stored(name: str) -> str:
    """Turn a host name as somebody types it into lower-case A-labels without a trailing dot.

    Raises:
        ValueError: it is no host name; the message says why.

    """
    typed = name.strip().rstrip(".")
    try:
        host = typed.lower() if typed.isascii() else idna.encode(typed, uts46=True, std3_rules=True).decode()
        if "xn--" in host:
            idna.decode(host)
    except idna.IDNAError as error:
        raise ValueError(f"{name!r} is no host name: {error}") from error
    if len(host) > LONGEST or not _HOST.fullmatch(host):
        raise ValueError(
            f"{name!r} is no host name: expected two or more labels of at most 63 letters, digits and inner hyphens, "
            f"{LONGEST} in all"
        )
    return host


def part_as_stored(part: str) -> str | None:
    """Turn a part of a host name, whole labels of it, into A-labels; None if it can be no part of one."""
    try:
        return idna.encode(part, uts46=True, std3_rules=True).decode()
    except idna.IDNAError:
        return None


def is_stored(name: str) -> bool:
    """Whether it is a host name as we store it; names of records may have underscores or an asterisk."""
    return len(name) <= LONGEST and _HOST.fullmatch(name) is not None


def shown_in(text: str) -> str:
    """The text, with the host names in it as people read them."""
    return _ENCODED.sub(lambda found: as_shown(found[0]), text)


def as_shown(host: str) -> str:
    """Turn A-labels into what people read. What is no valid IDN is shown as it is."""
    if "xn--" not in host:
        return host
    try:
        return idna.decode(host)
    except idna.IDNAError:
        return host
