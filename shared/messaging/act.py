"""Runs the tries: each claimed or taken step's handler, bounded per consumer, outside any transaction."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import structlog
from opentelemetry.trace import SpanKind
from structlog.contextvars import bind_contextvars

from contracts import CloudEvent, ContractError, Event, ProjectCancelled, decode
from shared.errors import PermanentError, StepVoidError, TemporaryError
from shared.lease import Lease, current_lease
from shared.messaging.cancellation import CloseOpenSteps
from shared.messaging.commit import Committer
from shared.messaging.ending import undoes
from shared.messaging.given import StepRow
from shared.messaging.steps import LiveStep
from shared.messaging.supersede import Place, TakePlace
from shared.messaging.topology import queue_name
from shared.messaging.turn import TakeTurn
from shared.messaging.verdict import Ending, Verdict, decide, gave_up
from shared.outcome import Later, Outcome
from shared.service import Consumer, Service
from shared.trace_context import current_traceparent
from shared.tracing import span

log = structlog.get_logger(__name__)

UNKNOWN_PROJECT = Later(after=2.0, message="waits until the project is known")
STILL_RUNNING = Later(after=0.5, message="waits for this service's running step to end")
NOT_YET = Later(after=0.5, message="waits for another step of the project's to end")
OCCUPIED = Later(after=0.5, message="an edited copy: waits for its original's running try to end")
SOON = 30.0
"""Seconds. A step that is due within them is looked for at its time, others within a second of it."""


@dataclass(slots=True, eq=False)
class Lane:
    """One consumer's tries in this process: at most `concurrency` handlers at once, as many more in hand."""

    consumer: Consumer
    queue: str
    slots: asyncio.Semaphore
    in_hand: dict[int, LiveStep] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    more_is_due: bool = False

    @property
    def room(self) -> int:
        """How many more steps may be taken from the waiting room."""
        return 2 * self.consumer.concurrency - len(self.in_hand)

    @property
    def wants_more(self) -> bool:
        """Whether to take again what is due: not for each step that ends, but before a slot is free."""
        return self.more_is_due and self.room >= max(1, self.consumer.concurrency // 2)

    @property
    def room_for_new(self) -> int:
        """How many more may be claimed: fewer, so that a backlog never keeps out what is due."""
        return self.consumer.concurrency + self.consumer.concurrency // 2 - len(self.in_hand)


class Actor:
    """Runs the tries of one service. `look_again` is called with the seconds until a step of ours is due."""

    def __init__(self, service: Service, committer: Committer) -> None:
        self.service = service
        self.committer = committer
        self.look_again: Callable[[float], None] = lambda _: None
        self.lanes = [
            Lane(consumer, queue_name(service.name, consumer.event), asyncio.Semaphore(consumer.concurrency))
            for consumer in service.consumers
        ]
        self.despite_cancellation = tuple(
            lane.queue
            for lane in self.lanes
            if lane.consumer.event is ProjectCancelled or lane.consumer.despite_cancellation
        )

    @property
    def in_hand(self) -> list[LiveStep]:
        """Every try whose lease is ours."""
        return [step for lane in self.lanes for step in lane.in_hand.values()]

    def start(
        self,
        lane: Lane,
        rows: Iterable[StepRow],
        events: Mapping[UUID, CloudEvent[Event]] | None = None,
        *,
        since: float,
    ) -> None:
        """Begin a try for each row. Events that were not just decoded are decoded from the row's bytes.

        `since`: monotonic time before the statement that gave us their leases.
        """
        for row in rows:
            event = (events or {}).get(row.event_id)
            verdict = None
            if event is None:
                event, verdict = _decoded(lane, row)
            step = LiveStep(
                consumer=lane.consumer,
                queue=lane.queue,
                event=event,
                body=row.body,
                attempt=row.attempt,
                token=row.token,
                deaths=row.deaths,
                expires=None if row.remaining is None else since + row.remaining,
                opened_at=row.created_at,
                reason=row.reason,
                project=row.project,
                lease=Lease(since + self.committer.lease),
                records=self.committer,
                supersedes=row.supersedes,
            )
            lane.in_hand[step.token] = step
            if row.crashed and row.remaining is not None and row.remaining <= 0:
                verdict = gave_up(f"its process ended {row.attempt - 1} times during it", "crashed", lane.consumer)
            task = asyncio.create_task(self._try(lane, step, verdict))
            lane.tasks.add(task)
            task.add_done_callback(lane.tasks.discard)

    async def _try(self, lane: Lane, step: LiveStep, verdict: Verdict | None) -> None:
        # A task has a context of its own: nothing is to be taken back.
        bind_contextvars(
            project=str(step.project_id),
            correlation=str(step.correlation_id),
            causation=str(step.event_id),
            consumer=step.queue,
        )
        try:
            if verdict is None:
                async with lane.slots:
                    verdict = await self._traced(step)
            ended = await self.committer.end(step, verdict)
            if ended and verdict.ending in (Ending.LATER, Ending.RETRY, Ending.PARKED) and verdict.after <= SOON:
                self.look_again(verdict.after)
            ending = verdict.ending.value if ended else Ending.VOID.value
            say = log.error if ending == Ending.DEAD else log.info
            say("step ended", ending=ending, message=verdict.message, attempt=step.attempt)
        finally:
            lane.in_hand.pop(step.token, None)
            lane.freed.set()
            if lane.wants_more:
                self.look_again(0.0)

    async def _traced(self, step: LiveStep) -> Verdict:
        parent, ids = step.event.traceparent, {"project": str(step.project_id), "event": str(step.event_id)}
        with span(step.queue, parent=parent, kind=SpanKind.CONSUMER, attempt=step.attempt, **ids) as current:
            verdict = _judged(step, await self._act(step))
            if current.is_recording():
                current.set_attribute("vrs.ending", verdict.ending)
                step.traceparent = current_traceparent()
            return verdict

    async def _act(self, step: LiveStep) -> Outcome | Verdict | Exception:
        consumer = step.consumer
        if step.project is None and consumer.needs_project:
            return UNKNOWN_PROJECT
        current_lease.set(step.lease)
        try:
            if undoes(step):
                close = CloseOpenSteps(self.service.name, step.event_id, kept=self.despite_cancellation)
                [busy] = await step.record(close)
                if busy:
                    return STILL_RUNNING
            if consumer.serial and not await self._has_turn(step):
                return NOT_YET
            if step.supersedes is not None and (not_now := await self._take_place(step, step.supersedes)):
                return not_now
            return await self._handle(step)
        except (TemporaryError, PermanentError, StepVoidError) as error:
            return error
        except Exception as error:
            log.exception("unexpected error in a handler, it will be tried again")
            return error

    async def _has_turn(self, step: LiveStep) -> bool:
        serial = tuple(lane.queue for lane in self.lanes if lane.consumer.serial)
        [has_turn] = await step.record(TakeTurn(step.queue, step.event_id, serial))
        return bool(has_turn)

    async def _take_place(self, step: LiveStep, original: UUID) -> Outcome | Verdict | None:
        """Supersede the original of an edited copy; None once its place is ours."""
        [place] = await step.record(TakePlace(self.service.name, step.queue, original, step.event_id))
        match place:
            case Place.OCCUPIED:
                return OCCUPIED
            case Place.REFUSED:
                return Verdict(Ending.REFUSED, "refused: the event of which this is an edited copy is settled already")
        return None

    @staticmethod
    async def _handle(step: LiveStep) -> Outcome:
        limit = step.consumer.try_timeout.total_seconds()
        try:
            async with asyncio.timeout(limit) as timeout:
                return await step.consumer.handler(step.event.data, step)
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise TemporaryError(f"the try took longer than {limit:.0f} s", code="try_timeout") from error

    async def drain(self, grace: float) -> Sequence[LiveStep]:
        """Wait `grace` seconds for the running tries, then stop them; return those that did not end."""
        tasks = [task for lane in self.lanes for task in lane.tasks]
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        left = self.in_hand
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return left


def _judged(step: LiveStep, result: Outcome | Verdict | Exception) -> Verdict:
    """Decide; an outcome that cannot even be judged is an error like any other."""
    if isinstance(result, Verdict):
        return result
    judge = partial(decide, consumer=step.consumer, attempt=step.attempt, expires=step.expires)
    try:
        return judge(result)
    except Exception as error:
        log.exception("an outcome cannot be judged")
        return judge(error)


def _decoded(lane: Lane, row: StepRow) -> tuple[CloudEvent[Event], Verdict | None]:
    """The row's event; if it breaks the contract by now, as much of it as its death needs."""
    try:
        return decode(row.body, lane.consumer.event), None
    except ContractError as error:
        event: CloudEvent[Event] = CloudEvent.model_construct(
            specversion="1.0",
            id=row.event_id,
            subject=row.project_id or UUID(int=0),
            source="unreadable",
            type=lane.consumer.event.type,
            time=row.created_at,
            data=None,  # type: ignore[arg-type]  # its handler is never called
        )
        return event, gave_up(f"its event breaks the contract of this version: {error}", "contract", lane.consumer)
