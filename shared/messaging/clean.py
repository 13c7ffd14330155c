"""Text that PostgreSQL takes: it refuses U+0000 everywhere and lone surrogates in UTF-8."""

import json
from collections.abc import Mapping
from typing import Any

from shared.redact import redact

LONGEST_MESSAGE = 2000
LONGEST_DETAIL = 20_000


def clean(message: str) -> str:
    """`message` without secrets in URLs, U+0000 and lone surrogates; at most 2,000 characters."""
    return _storable(redact(message))[:LONGEST_MESSAGE]


def clean_detail(detail: Mapping[str, Any]) -> dict[str, Any]:
    """`detail` as JSON that PostgreSQL takes, with secrets redacted; cut short if it is absurdly long."""
    if not detail:
        return {}
    cleaned: dict[str, Any] = _cleaned(redact(json.loads(json.dumps(detail, default=str))))
    encoded = json.dumps(cleaned, ensure_ascii=False)
    return cleaned if len(encoded) <= LONGEST_DETAIL else {"cut": encoded[:LONGEST_DETAIL]}


def _cleaned(value: Any) -> Any:
    match value:
        case dict():
            return {_storable(key): _cleaned(item) for key, item in value.items()}
        case list():
            return [_cleaned(item) for item in value]
        case str():
            return _storable(value)
        case _:
            return value


def _storable(text: str) -> str:
    return text.replace("\x00", "�").encode("utf-8", "replace").decode()
