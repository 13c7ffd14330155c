"""Takes secrets out of what is logged, by the names of keys and the shape of URLs."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

_SECRET_NAME = re.compile(
    r"pass(word)?$|secret|token|authorization|cookie|api_?key|auth_?code|\btan\b|totp|credential", re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@", re.IGNORECASE)

HIDDEN = "[redacted]"


@lru_cache(maxsize=4096)
def _names_a_secret(key: str) -> bool:
    """Cached: the keys of every log line are the same few."""
    return _SECRET_NAME.search(key) is not None


_PLAIN = frozenset({int, float, bool, type(None), UUID})
"""Types that hide nothing: most of what a log line holds is spared the checks of the rest."""


def redact(value: Any) -> Any:
    """A copy of `value` in which each secret-looking key's value and each password in a URL is hidden."""
    if type(value) in _PLAIN:
        return value
    match value:
        case str():
            return _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", value) if "://" in value else value
        case dict() | Mapping():
            return {
                key: HIDDEN if isinstance(key, str) and _names_a_secret(key) and _may_be_secret(item) else redact(item)
                for key, item in value.items()
            }
        case list() | tuple():
            return [redact(item) for item in value]
        case _:
            return value


def _may_be_secret(value: Any) -> bool:
    return bool(value) and not isinstance(value, int | float)  # a count or a fencing token is none
