"""What a service is: its name, what it consumes, what it publishes, what it does beside."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CustomerText, Event, ServiceName
from shared.grants import Call, Grant
from shared.outcome import Outcome
from shared.step import Step
from shared.writes import Write

Handler = Callable[[Any, Step], Awaitable[Outcome]]
"""From an event's data and its step to an outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A queue and the handler behind it.

    `concurrency` bounds the tries that run at once, `deadline` the step's whole life, `try_timeout` one try.
    Two promises, neither of which ends anything (`projects.step_due_at`): after `due` this step counts as late, from
    when its project is introduced, its death is replayed or corrected, or a wait without a deadline is over; after
    `next_due` the step that follows does, from this one's end.
    `fails_project`: a death of this step is a ProvisioningFailed; without it, only a dead letter.
    `despite_cancellation`: hears of cancelled projects as well, as whoever tells people of a failing undo must.
    `serial`: of all serial consumers of the service, at most one try of a project runs at a time.
    `introduces_project`: the event makes a project known; a consumer that `needs_project` waits for that.
    """

    event: type[Event]
    handler: Handler
    concurrency: int = 32
    deadline: timedelta = timedelta(hours=1)
    try_timeout: timedelta = timedelta(minutes=2)
    due: timedelta | None = None
    next_due: timedelta | None = None
    introduces_project: bool = False
    needs_project: bool = True
    failed_text: CustomerText | None = None
    fails_project: bool = True
    despite_cancellation: bool = False
    serial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """An event that background work wants said, and a log row for the project's story.

    `when` is written first, under the project's lock; unless its result is true, nothing else is written and nothing
    said. It is what makes the event happen once, however many instances announce it. `by` is the work's name in the
    log, `message` one plain English sentence.
    """

    project_id: UUID
    event: Event
    when: Write
    by: str
    message: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: UUID | None = None
    causation_id: UUID | None = None


class Kernel(Protocol):
    """What the kernel offers to a service's background work."""

    async def wake(self, key: str, most: int | None = None) -> int:
        """Wake the steps parked under `key`, oldest first, at most `most`; return how many."""

    async def parked_keys(self, prefix: str) -> list[str]:
        """The distinct keys that begin with `prefix` under which steps of this service are parked."""

    async def announce(self, announcement: Announcement) -> bool:
        """Write the announcement in one commit and say it; False if it is not so, or the project is cancelled."""


Background = Callable[[Kernel], Awaitable[None]]
"""Runs as long as the service; restarted with backoff when it raises."""


Trouble = Callable[[], str | None]
"""Why the service can't do its work now, beside what the kernel sees itself; None while it can."""


Measure = Callable[[AsyncConnection], Awaitable[None]]
"""Sets gauges of its own from what it reads, whenever somebody asks for the metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Whether something outside is reachable and lets us in, for ``vrs doctor``.

    `run` returns one line about what it found, or raises a `TemporaryError` or `PermanentError` that says what to do.
    """

    what: str
    run: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A deployable: one process, any number of consumers.

    `grants` is what it may do in the database beside what the kernel needs for every service. `replays`: it reads the
    dead letters of every service and sends them back (`shared.dead_letters`), so its user in RabbitMQ may do that.
    Metrics and logs call `background` by its names. `readiness` says what else keeps the service from its work.
    """

    name: ServiceName
    consumers: tuple[Consumer, ...] = ()
    publishes: tuple[type[Event], ...] = ()
    background: Mapping[str, Background] = field(default_factory=dict)
    readiness: tuple[Trouble, ...] = ()
    measures: tuple[Measure, ...] = ()
    grants: tuple[Grant | Call, ...] = ()
    checks: tuple[Check, ...] = ()
    replays: bool = False


Build = Callable[[], AbstractAsyncContextManager[Service]]
"""A service's composition root (``services/<name>/app.py``): reads its settings, opens its clients, yields itself."""
