"""The way of an order as a picture: each step done, running, waiting, failed or still to come, and when it may end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from services.marketplace.admin.words import STEPS
from services.marketplace.api.answers import OpenStepAnswer, ProjectAnswer
from shared.database import Database
from shared.history import Durations, durations
from shared.models import ProvisioningState, StepState

KEPT = timedelta(minutes=1)


class Progress(StrEnum):
    """How far a step is."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"
    TO_COME = "to come"
    LEFT_OUT = "left out"


_OPEN = {
    StepState.RUNNING: Progress.RUNNING,
    StepState.WAITING: Progress.WAITING,
    StepState.PARKED: Progress.WAITING,
    StepState.DEAD: Progress.FAILED,
}
_REACHED = {
    ProvisioningState.DNS_CONFIGURED: 1,
    ProvisioningState.APP_DEPLOYED: 2,
    ProvisioningState.LIVE: 3,
}
"""How many steps a state says are done."""

_OVER = (ProvisioningState.CANCELLING, ProvisioningState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the way. `usual` is its median duration, None without history."""

    consumer: str
    name: str
    progress: Progress
    open: OpenStepAnswer | None
    usual: timedelta | None


class Usual:
    """How long the steps take, read anew every minute."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Durations | None] = {}
        self._read_at: datetime | None = None

    async def read(self) -> Mapping[str, Durations | None]:
        """The last completions of each step."""
        now = datetime.now(UTC)
        if self._read_at is None or now - self._read_at > KEPT:
            async with self._database.autocommit.begin() as connection:
                self._known = {consumer: await durations(connection, consumer) for consumer in STEPS}
            self._read_at = now
        return self._known


def way(project: ProjectAnswer, completed: Sequence[str], usual: Mapping[str, Durations | None]) -> list[Step]:
    """Lay out the steps; `completed` are the consumers that the log says are done."""
    waiting = {step.consumer: step for step in project.waiting}
    reached = _REACHED.get(project.state, 0)
    steps = []
    for index, (consumer, name) in enumerate(STEPS.items()):
        opened = waiting.get(consumer)
        known = usual.get(consumer)
        if opened is not None:
            progress = _OPEN[opened.state]
        elif consumer in completed or index < reached:
            progress = Progress.DONE
        else:
            progress = Progress.LEFT_OUT if project.state in _OVER else Progress.TO_COME
        steps.append(Step(consumer, str(name), progress, opened, known.p50 if known else None))
    return _begun(steps, project)


def _begun(steps: list[Step], project: ProjectAnswer) -> list[Step]:
    """What comes next is under way, also while its message travels."""
    if project.state in _OVER or any(step.progress in (Progress.FAILED, *_OPEN.values()) for step in steps):
        return steps
    for index, step in enumerate(steps):
        if step.progress is Progress.TO_COME:
            moved = Step(step.consumer, step.name, Progress.RUNNING, None, step.usual)
            return [*steps[:index], moved, *steps[index + 1 :]]
    return steps


def expected(steps: Sequence[Step]) -> datetime | None:
    """When the project may be live: None if that cannot be known, or if it is not on its way."""
    left = [step for step in steps[:-1] if step.progress is not Progress.DONE]
    if not left or any(step.usual is None or step.progress in (Progress.FAILED, Progress.LEFT_OUT) for step in left):
        return None
    if any(step.open is not None and step.open.state is StepState.PARKED for step in left):
        return None
    total = sum((step.usual for step in left if step.usual is not None), timedelta())
    return datetime.now(UTC) + total
