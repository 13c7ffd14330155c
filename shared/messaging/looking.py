"""What background work has in common that looks for something again and again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from shared.messaging.trouble import DATABASE_ERRORS, lasts, reason_of

log = structlog.get_logger(__name__)


async def look_every(
    seconds: float,
    look: Callable[[], Awaitable[object]],
    *,
    otherwise: str,
    waits_for: tuple[type[Exception], ...] = DATABASE_ERRORS,
) -> None:
    """Look for ever. What is away is waited for, and `otherwise` said in the log; a right or a table that is not.

    Raises:
        Exception: it is none of `waits_for`, or waiting does not help: the kernel begins anew, and an alert tells.

    """
    while True:
        try:
            await look()
        except waits_for as error:
            if lasts(error):
                raise
            log.warning(otherwise, error=reason_of(error))
        await asyncio.sleep(seconds)
