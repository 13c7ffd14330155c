"""A try of a step as the kernel holds it: identity, fence, lease, and what the handler sees of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from contracts import CloudEvent, Event
from shared.lease import Lease
from shared.messaging.verdict import Ending
from shared.messaging.waiting_room import Fence
from shared.metrics import EndedTry
from shared.models import ProvisioningState
from shared.service import Consumer
from shared.step import ProjectFacts, Row
from shared.writes import Write


class Records(Protocol):
    """What a step needs of the committer."""

    async def record(self, step: "LiveStep", writes: Sequence[Write]) -> list[Any]:
        """Commit `writes` under the project's lock."""

    async def read(self, model: type[Row], project_id: UUID) -> list[Row]:
        """Read a project's rows."""


@dataclass(slots=True, eq=False)
class LiveStep:
    """Implements `shared.step.Step`.

    `expires` is the monotonic time of the step's deadline, None while it has none. `supersedes`: the original of which
    it is an edited copy. `traceparent`: of the try's span, None without tracing.
    """

    consumer: Consumer
    queue: str
    event: CloudEvent[Event]
    body: bytes
    attempt: int
    token: int
    deaths: int
    expires: float | None
    opened_at: datetime
    reason: str | None
    project: ProjectFacts | None
    lease: Lease
    records: Records
    supersedes: UUID | None = None
    traceparent: str | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def fence(self) -> Fence:
        """Names this try in every write about it: one with an older token is void."""
        return Fence(self.queue, self.event.id, self.token)

    @property
    def event_id(self) -> UUID:
        """The consumed event's id."""
        return self.event.id

    @property
    def project_id(self) -> UUID:
        """The event's subject."""
        return self.event.subject

    @property
    def correlation_id(self) -> UUID:
        """The order's whole story."""
        return self.event.correlation_id

    @property
    def said_at(self) -> datetime:
        """The event's time."""
        return self.event.time.astimezone(UTC)

    def counted(self, ending: Ending, state: ProvisioningState | None) -> EndedTry:
        """The try for the metrics, once its end is committed. `state`: to which it wanted to move its project."""
        live = ending is Ending.DONE and state is ProvisioningState.LIVE and self.project is not None
        return EndedTry(
            self.queue,
            self.event.type,
            ending.value,
            time.monotonic() - self.started,
            self.event.time,
            self.project.ordered_at if live and self.project else None,
        )

    async def record(self, *writes: Write) -> Sequence[Any]:
        """See `shared.step.Step.record`."""
        return await self.records.record(self, writes)

    async def rows(self, model: type[Row]) -> list[Row]:
        """See `shared.step.Step.rows`."""
        return await self.records.read(model, self.project_id)
