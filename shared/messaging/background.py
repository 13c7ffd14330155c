"""What a service does beside its steps: run for as long as it runs, and begun anew when it fails.

It says nothing of whether the service is ready: steps and requests go on without it, and a proxy must not take a
marketplace out whose housekeeping lacks a right.
"""

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
    """One background of a service."""

    def __init__(self, name: str, background: Background, kernel: Kernel) -> None:
        self.name = name
        self._background = background
        self._kernel = kernel
        self._failed = 0
        self._began = 0.0

    @property
    def is_failing(self) -> bool:
        """Whether it has failed again and again without a run that worked."""
        return self._failed >= TROUBLE_AFTER and not self._works

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
                log.exception("background work failed", background=self.name, error=_told(error))
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
