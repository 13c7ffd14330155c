"""The choreography in memory: what becomes of an event is decided by the kernel's own code, statements are restated.

`verdict.decide`, `ending.under_cancellation`, `ending.ended` and `ending.stay_of` are the real ones. The waiting room,
the cancellation mark, the log, the outbox, the queues and a vendor are dictionaries with the same semantics as
waiting_room.py, cancellation.py, settle.py and say.py. Each `Rule` can be left out, to see that it is needed.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from contracts import EVENTS, CloudEvent, DnsConfigured, Event, ProjectCancelled, ProjectOrdered, ServiceName
from shared.errors import StepVoidError
from shared.lease import Lease
from shared.messaging.act import STILL_RUNNING, UNKNOWN_PROJECT
from shared.messaging.ending import STAYS_AS, ended, heeds_mark, stay_of, under_cancellation, undoes
from shared.messaging.steps import LiveStep, Records
from shared.messaging.topology import DEAD_EXCHANGE
from shared.messaging.verdict import Ending, decide
from shared.models import LogStatus, ProvisioningState, StepState
from shared.outbox import Message, said
from shared.outcome import Done, Outcome
from tests.choreography.events import Story
from tests.shared.messaging.model_parts import CONSUMERS, Delivery, Play, Row, Rule, Try, read

Key = tuple[str, UUID]
Part = tuple[UUID, ServiceName]


@dataclass
class World:
    """Everything there is. `made` are the vendor's things; `letters` the dead letters that the broker holds."""

    without: Rule | None = None
    rows: dict[Key, Row] = field(default_factory=dict)
    log: Counter[tuple[str, UUID, LogStatus]] = field(default_factory=Counter)
    outbox: dict[UUID, Message] = field(default_factory=dict)
    queues: list[Delivery] = field(default_factory=list)
    delivered: list[Delivery] = field(default_factory=list)
    letters: list[Delivery] = field(default_factory=list)
    projects: dict[UUID, ProvisioningState] = field(default_factory=dict)
    undone: dict[UUID, set[ServiceName]] = field(default_factory=dict)
    made: Counter[Part] = field(default_factory=Counter)
    tries: list[Try] = field(default_factory=list)
    opened_again: Counter[Key] = field(default_factory=Counter)
    replayed: dict[Key, set[int]] = field(default_factory=dict)
    stories: dict[UUID, Story] = field(default_factory=dict)
    token: int = 0

    def holds(self, rule: Rule) -> bool:
        return rule is not self.without

    def place(self, event: CloudEvent[Any]) -> None:
        """As the marketplace does: into the outbox."""
        message = said(event)
        self.outbox[message.id] = message

    def publish(self, message: Message, *, arrives: bool, confirmed: bool) -> None:
        if arrives:
            if message.exchange == DEAD_EXCHANGE:
                self.letters.append(Delivery(message.routing_key, message.body, message.headers["vrs-death"]))
            else:
                hearing = [queue for queue, each in CONSUMERS.items() if each[1].event.type == message.headers["type"]]
                self.queues += [Delivery(queue, message.body) for queue in hearing]
        if confirmed or not self.holds(Rule.UNCONFIRMED_STAYS):
            del self.outbox[message.id]

    def replay(self, letter: Delivery) -> None:
        self.replayed.setdefault((letter.queue, read(letter.body).id), set()).add(letter.deaths)
        self.queues.append(letter)

    def deliver(self, delivery: Delivery, *, acked: bool, crash: bool = False) -> None:
        """Claim, then ack; with `crash` the process dies before the claim is committed."""
        if crash and self.holds(Rule.CLAIM_BEFORE_ACK):
            return
        if acked:
            self.queues.remove(delivery)
            self.delivered.append(delivery)
        if not crash:
            self._claim(delivery)

    def _claim(self, delivery: Delivery) -> None:
        event = read(delivery.body)
        _, consumer = CONSUMERS[delivery.queue]
        project, key = event.subject, (delivery.queue, event.id)
        if consumer.event is ProjectCancelled:
            self.undone.setdefault(project, set())
            if self.projects.get(project, ProvisioningState.CANCELLED) is not ProvisioningState.CANCELLED:
                self.projects[project] = ProvisioningState.CANCELLING
        if consumer.introduces_project and project not in self.undone:
            self.projects.setdefault(project, ProvisioningState.ORDERED)
        despite = consumer.event is ProjectCancelled or consumer.despite_cancellation
        if self.log[*key, LogStatus.COMPLETED] and self.holds(Rule.LOG_IS_THE_INBOX):
            return
        if project in self.undone and not despite and self.holds(Rule.MARK_STOPS_CLAIMS):
            return
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = Row(event, StepState.RUNNING, 0, deaths=delivery.deaths)
        elif row.state is StepState.DEAD and (row.deaths == delivery.deaths or not self.holds(Rule.DEATH_NUMBER_OPENS)):
            self.opened_again[key] += 1
            row.state, row.attempt, row.reason = StepState.RUNNING, row.attempt + 1, None
        elif self.holds(Rule.OPEN_STEP_IS_A_DUPLICATE) or row.state is not StepState.RUNNING:
            return
        self._begin(key, row)

    def _begin(self, key: Key, row: Row) -> None:
        self.token += 1
        row.token, row.expired = self.token, False
        service, consumer = CONSUMERS[key[0]]
        step = LiveStep(
            consumer=consumer,
            queue=key[0],
            event=row.event,
            body=row.event.encode(),
            attempt=row.attempt,
            token=row.token,
            deaths=row.deaths,
            expires=None,
            opened_at=datetime.now(UTC),
            reason=row.reason,
            project=None,
            lease=Lease(time.monotonic()),
            records=cast("Records", None),
        )
        self.tries.append(Try(step, PLAYS[consumer.event](self, step, service)))

    def take(self, key: Key) -> None:
        """As the scheduler does with what is due: time passes as a test likes."""
        row = self.rows[key]
        row.attempt += row.state is StepState.RUNNING
        row.state = StepState.RUNNING
        self._begin(key, row)

    def freeze(self, each: Try) -> None:
        """The process stands still until its lease is over, and goes on later."""
        each.lease_is_over = True
        row = self.rows.get((each.step.queue, each.step.event_id))
        if row and row.token == each.step.token:
            row.expired = True

    def crash(self, each: Try) -> None:
        """The process is gone."""
        self.freeze(each)
        self.tries.remove(each)

    def advance(self, each: Try, trouble: Outcome | Exception | None = None, *, late: bool = False) -> None:
        """Let the handler go on up to its next await, or into `trouble`; `late`: the step's deadline is over."""
        result: Outcome | Exception
        try:
            if trouble is None:
                next(each.play)
                return
            result = trouble
        except StopIteration as done:
            result = done.value
        except StepVoidError as error:
            result = error
        self.tries.remove(each)
        self._end(each.step, result, expires=time.monotonic() - 1 if late else None)

    def _end(self, step: LiveStep, result: Outcome | Exception, expires: float | None) -> None:
        cancelled = step.project_id in self.undone
        verdict = decide(result, consumer=step.consumer, attempt=step.attempt, expires=expires)
        if self.holds(Rule.CANCELLED_EMITS_NOTHING):
            verdict = under_cancellation(step, verdict, cancelled=cancelled)
        if verdict.ending is Ending.VOID or not self.is_ours(step):
            return
        service = CONSUMERS[step.queue][0]
        key = (step.queue, step.event_id)
        if verdict.ending in STAYS_AS:
            staying, row = stay_of(step, verdict), self.rows.get(key)
            if row is None:  # only if nothing fences
                return
            row.state, row.reason = StepState(staying.state), staying.reason
            row.attempt, row.deaths = row.attempt + staying.tries, row.deaths + staying.deaths
        else:
            self.rows.pop(key, None)
        if undoes(step) and verdict.ending is Ending.DONE:
            self._is_undone(step.project_id, service)
        left = ended(service, step, verdict)
        self.outbox |= {message.id: message for message in left.messages}
        if left.log:
            self.log[*key, left.log.status] += 1
        if left.move and left.move.state and left.move.project_id in self.projects:
            at_its_end = self.projects[left.move.project_id] is ProvisioningState.CANCELLED
            if not (at_its_end and self.holds(Rule.CANCELLED_IS_THE_END)):
                self.projects[left.move.project_id] = left.move.state

    def _is_undone(self, project: UUID, service: ServiceName) -> None:
        self.undone[project].add(service)
        complete = self.undone[project] >= ProjectCancelled.undone_by
        if project in self.projects and (complete or not self.holds(Rule.CANCELLED_WHEN_ALL_IS_UNDONE)):
            self.projects[project] = ProvisioningState.CANCELLED

    def is_ours(self, step: LiveStep) -> bool:
        row = self.rows.get((step.queue, step.event_id))
        if not self.holds(Rule.TOKEN_FENCES):
            return True
        return row is not None and row.token == step.token and row.state is StepState.RUNNING

    def record(self, step: LiveStep) -> None:
        if step.project_id in self.undone and heeds_mark(step):
            raise StepVoidError("the project was cancelled")
        if not self.is_ours(step):
            raise StepVoidError("the lease is lost")

    def may_call(self, step: LiveStep) -> None:
        [mine] = [each for each in self.tries if each.step is step]
        if mine.lease_is_over and self.holds(Rule.LEASE_BEFORE_CALL):
            raise StepVoidError("the lease is over")

    def close_others(self, step: LiveStep) -> bool:
        """Whether a step of the same service and project still runs; what waits, is parked or dead is closed."""
        service = CONSUMERS[step.queue][0]
        others = {
            key: row
            for key, row in self.rows.items()
            if row.event.subject == step.project_id
            and CONSUMERS[key[0]][0] is service
            and not CONSUMERS[key[0]][1].despite_cancellation
            and CONSUMERS[key[0]][1].event is not ProjectCancelled
        }
        for key, row in others.items():
            if row.state is not StepState.RUNNING and self.holds(Rule.UNDO_CLOSES_WAITING):
                del self.rows[key]
                self.log[*key, LogStatus.CANCELLED] += 1
        return any(row.state is StepState.RUNNING for row in others.values()) and self.holds(
            Rule.UNDO_WAITS_FOR_RUNNING
        )


def make(world: World, step: LiveStep, service: ServiceName) -> Play:
    """A forward step: find or create one thing, write down its id, say what follows."""
    if step.consumer.needs_project and step.project_id not in world.projects:
        return UNKNOWN_PROJECT
    world.record(step)
    yield
    world.may_call(step)
    found = world.made[step.project_id, service] > 0 and world.holds(Rule.FIND_BEFORE_CREATE)
    yield
    if not found:
        world.may_call(step)
        world.made[step.project_id, service] += 1
    yield
    world.record(step)
    yield
    following, state = FOLLOWS[step.consumer.event]
    event = getattr(world.stories[step.project_id], following)()
    return Done(message="done", events=(event.data,), state=state)


def undo(world: World, step: LiveStep, service: ServiceName) -> Play:
    """Delete what is there by the time that nobody makes anything any more."""
    world.record(step)
    if world.close_others(step):
        return STILL_RUNNING
    yield
    world.may_call(step)
    del world.made[step.project_id, service]
    yield
    return Done(message="undone")


def tell(world: World, step: LiveStep, service: ServiceName) -> Play:
    """A mail: a crash after it has been taken may send a second copy, so it is not counted here."""
    world.record(step)
    yield
    return Done(message="told")


FOLLOWS: dict[type[Event], tuple[str, ProvisioningState]] = {
    ProjectOrdered: ("configured", ProvisioningState.DNS_CONFIGURED),
    DnsConfigured: ("deployed", ProvisioningState.APP_DEPLOYED),
    EVENTS["vrs.app.deployed.v1"]: ("healthy", ProvisioningState.LIVE),
}
PLAYS = {event: make if event in FOLLOWS else tell for event in EVENTS.values()} | {ProjectCancelled: undo}
