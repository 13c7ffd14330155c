"""Runs the tries: each claimed or taken step's handler, bounded per consumer, outside any transaction."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from structlog.contextvars import bound_contextvars

from contracts import CloudEvent, ContractError, Event, decode
from shared.errors import PermanentError, StepVoidError, TemporaryError
from shared.http import Lease, current_lease
from shared.messaging.cancellation import CloseOpenSteps
from shared.messaging.commit import Committer
from shared.messaging.ending import undoes
from shared.messaging.steps import LiveStep
from shared.messaging.topology import queue_name
from shared.messaging.verdict import Ending, decide
from shared.messaging.waiting_room import StepRow
from shared.outcome import Later, Outcome
from shared.service import Consumer, Service
from shared.step import ProjectFacts

log = structlog.get_logger(__name__)

UNKNOWN_PROJECT = Later(after=2.0, message="waits until the project is known")
STILL_RUNNING = Later(after=0.5, message="waits for this service's running step to end")
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

    @property
    def room(self) -> int:
        """How many more steps may be claimed or taken."""
        return 2 * self.consumer.concurrency - len(self.in_hand)


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

    @property
    def in_hand(self) -> list[LiveStep]:
        """Every try whose lease is ours."""
        return [step for lane in self.lanes for step in lane.in_hand.values()]

    def start(
        self,
        lane: Lane,
        rows: Iterable[StepRow],
        facts: Mapping[UUID, ProjectFacts],
        events: Mapping[UUID, CloudEvent[Event]] | None = None,
    ) -> None:
        """Begin a try for each row. Events that were not just decoded are decoded from the row's bytes."""
        now = time.monotonic()
        for row in rows:
            event = (events or {}).get(row.event_id) or self._decoded(lane, row)
            if event is None:
                continue
            step = LiveStep(
                consumer=lane.consumer,
                queue=lane.queue,
                event=event,
                body=row.body,
                attempt=row.attempt,
                token=row.token,
                deaths=row.deaths,
                expires=None if row.remaining is None else now + row.remaining,
                opened_at=row.created_at,
                reason=row.reason,
                project=facts.get(event.subject),
                lease=Lease(now + self.committer.lease),
                records=self.committer,
            )
            lane.in_hand[step.token] = step
            task = asyncio.create_task(self._try(lane, step))
            lane.tasks.add(task)
            task.add_done_callback(lane.tasks.discard)

    async def _try(self, lane: Lane, step: LiveStep) -> None:
        try:
            with bound_contextvars(
                project=str(step.project_id),
                correlation=str(step.correlation_id),
                causation=str(step.event_id),
                consumer=step.queue,
            ):
                async with lane.slots:
                    result = await self._act(step)
                verdict = decide(result, consumer=step.consumer, attempt=step.attempt, expires=step.expires)
                await self.committer.end(step, verdict)
                if verdict.ending in (Ending.LATER, Ending.RETRY, Ending.PARKED) and verdict.after <= SOON:
                    self.look_again(verdict.after)
                log.info("step ended", ending=verdict.ending.value, message=verdict.message, attempt=step.attempt)
        finally:
            lane.in_hand.pop(step.token, None)
            lane.freed.set()

    async def _act(self, step: LiveStep) -> Outcome | Exception:
        consumer = step.consumer
        if step.project is None and consumer.needs_project:
            return UNKNOWN_PROJECT
        current_lease.set(step.lease)
        try:
            if undoes(step):
                [busy] = await step.record(CloseOpenSteps(self.service.name, step.event_id))
                if busy:
                    return STILL_RUNNING
            async with asyncio.timeout(consumer.try_timeout.total_seconds()):
                return await consumer.handler(step.event.data, step)
        except (TemporaryError, PermanentError, StepVoidError, TimeoutError) as error:
            return error
        except Exception as error:
            log.exception("unexpected error in a handler, it will be tried again")
            return error

    def _decoded(self, lane: Lane, row: StepRow) -> CloudEvent[Event] | None:
        try:
            return decode(row.body, lane.consumer.event)
        except ContractError:
            # Claimed under an older contract. Its lease ends, and a version that reads it takes it.
            log.exception("an open step's event breaks the contract", consumer=lane.queue, event_id=str(row.event_id))
            return None

    async def drain(self, grace: float) -> Sequence[LiveStep]:
        """Wait `grace` seconds for the running tries, then stop them; return those that did not end."""
        tasks = [task for lane in self.lanes for task in lane.tasks]
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        left = self.in_hand
        for lane in self.lanes:
            for task in lane.tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return left
