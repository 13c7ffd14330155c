"""The lease of the running try: how long it may act, and what must be shorter than that."""

import time
from contextvars import ContextVar
from dataclasses import dataclass

from shared.errors import StepVoidError


@dataclass(slots=True)
class Lease:
    """How long the running try may act, in monotonic seconds. The kernel moves the end when it renews the lease."""

    ends: float


current_lease: ContextVar[Lease | None] = ContextVar("current_lease", default=None)
"""The running try's lease; None outside a step."""

DEFAULT_LEASE = 120.0
"""Seconds for which a step belongs to a process that gives no sign of life."""


def within_lease(timeout: float, lease: float) -> float:
    """Shorten a timeout that suits the default lease as much as `lease` is shorter: it stays below a third of it."""
    return timeout * min(1.0, lease / DEFAULT_LEASE)


def require_lease(before: str) -> None:
    """Call right before a vendor is asked to do something; `before` completes "the lease ended before …".

    Raises:
        StepVoidError: the running try may not act any more.

    """
    lease = current_lease.get()
    if lease is not None and time.monotonic() >= lease.ends:
        raise StepVoidError(f"the lease ended before {before}")
