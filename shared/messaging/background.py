"""What a service does beside its steps: run for as long as it runs, and begun anew when it fails."""

import time

import structlog

from shared.messaging.trouble import Pause, reason_of
from shared.redact import redact
from shared.service import Background, Kernel

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 60.0
LONG_ENOUGH = 60.0
"""Seconds after which a run counts as one that works, whatever was before."""

TROUBLE_AFTER = 3
"""Failures in a row: one or two come by when a vendor or the network does."""


class BackgroundWork:
    """One background of a service. `trouble` is why it does not come to work: which and its last error."""

    def __init__(self, name: str, background: Background, kernel: Kernel) -> None:
        self.name = name
        self._background = background
        self._kernel = kernel
        self._failed = 0
        self._error = ""
        self._began = 0.0

    @property
    def trouble(self) -> str | None:
        """None while it works, or has failed too seldom to say that it does not."""
        if self._failed < TROUBLE_AFTER or self._works:
            return None
        return f"{self.name} has failed {self._failed} times in a row: {self._error}"

    async def run(self) -> None:
        """Begin it again and again.

        Raises:
            RuntimeError: it has ended, which none does.

        """
        pause = Pause(1.0, LONGEST_PAUSE)
        while True:
            self._began = time.monotonic()
            try:
                await self._background(self._kernel)
            except Exception as error:
                if self._works:
                    pause.reset()
                    self._failed = 0
                self._failed += 1
                self._error = _told(error)
                log.exception("background work failed", background=self.name, error=self._error)
            else:
                raise RuntimeError(f"{self.name} has ended")
            self._began = float("inf")
            await pause.wait()

    @property
    def _works(self) -> bool:
        return time.monotonic() - self._began > LONG_ENOUGH


def _told(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(redact(f"{type(error).__name__}: {reason_of(error)}"))
