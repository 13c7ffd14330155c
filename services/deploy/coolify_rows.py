"""Reads Coolify's longest list, which has no pages, row by row: it may be larger than what a process should hold."""

from collections.abc import AsyncIterator

import ijson
from pydantic import TypeAdapter, ValidationError

from services.deploy.coolify_errors import UnansweredError
from services.deploy.coolify_models import Application

_APPLICATION = TypeAdapter(Application)


async def rows_of(parts: AsyncIterator[bytes], call: str) -> AsyncIterator[Application]:
    """Give each application of a body as soon as it has come.

    Raises:
        UnansweredError: the body is no list of applications, or ends in the middle.

    """
    rows = ijson.sendable_list()
    parser = ijson.items_coro(rows, "item", use_float=True)
    begun = False
    try:
        async for part in parts:
            if not begun and part.strip():
                begun = _begins_a_list(part)
            parser.send(part)
            for row in rows:
                yield _APPLICATION.validate_python(row)
            rows.clear()
        parser.close()
    except (ijson.JSONError, ValidationError, ValueError) as error:
        raise UnansweredError(f"unreadable answer to {call}: {error}"[:300], code="coolify_unreadable") from error


def _begins_a_list(part: bytes) -> bool:
    if not part.lstrip().startswith(b"["):
        raise ValueError("it is no list")  # ijson would find no rows in it, and every application be missing
    return True
