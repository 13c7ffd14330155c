"""What a handler returns: what happened, not what to do about it.

A handler never commits, acks, publishes, retries or sleeps. It raises `TemporaryError` or `PermanentError`, or returns
one of these; the kernel writes everything that the outcome holds in one commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts import Event
from shared.models import ProvisioningState
from shared.writes import Write


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What each outcome may carry. `message` is one plain English sentence that case workers read in the log."""

    message: str
    events: tuple[Event, ...] = ()
    writes: tuple[Write, ...] = ()
    state: ProvisioningState | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Outcome):
    """The step is finished: its events are said, its log row proves it for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later(Outcome):
    """Not a failure, just not yet. Tried again after `after` seconds; counts no attempt, logs no repetition."""

    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked(Outcome):
    """Waits until somebody wakes `key`, and looks again by itself after `look_again` seconds (at most 300).

    With `until_woken` the wait has no deadline; the step's deadline begins anew when it goes on.
    """

    key: str
    look_again: float = 300.0
    until_woken: bool = False
