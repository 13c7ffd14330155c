"""From a verdict to rows: what the log says of it, what is still to be said, how the project stands. No I/O."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts import CloudEvent, Event, ProjectCancelled, ProvisioningFailed, ServiceName, uuid7
from shared.messaging.settle import LogRow, Move, Stay
from shared.messaging.steps import LiveStep
from shared.messaging.supersede import SUPERSEDES
from shared.messaging.topology import DEAD_EXCHANGE
from shared.messaging.verdict import LOGGED_AS, Ending, Verdict
from shared.models import StepState
from shared.outbox import Message, said

LONGEST_HEADER = 500

STAYS_AS = {
    Ending.LATER: StepState.WAITING,
    Ending.RETRY: StepState.WAITING,
    Ending.PARKED: StepState.PARKED,
    Ending.DEAD: StepState.DEAD,
}
"""The endings after which a step stays in the waiting room."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What is written for one try that has ended."""

    log: LogRow | None
    move: Move | None
    messages: tuple[Message, ...]


def undoes(step: LiveStep) -> bool:
    """Whether the step is the undo of a cancellation."""
    return step.consumer.event is ProjectCancelled


def heeds_mark(step: LiveStep) -> bool:
    """Whether a cancellation stops the step: every one but the undo, and those that tell people about it."""
    return not (undoes(step) or step.consumer.despite_cancellation)


def under_cancellation(step: LiveStep, verdict: Verdict, *, cancelled: bool) -> Verdict:
    """A step of a cancelled project emits nothing, success or failure, and is closed; what it made is written down."""
    if not cancelled or not heeds_mark(step):
        return verdict
    message = verdict.message
    if verdict.ending is not Ending.VOID:
        message = f"closed, the project was cancelled meanwhile; the try had ended as {verdict.ending}: {message}"
    return Verdict(Ending.CLOSED, message, verdict.detail, writes=verdict.writes)


def stay_of(step: LiveStep, verdict: Verdict) -> Stay:
    """How the step stays in the waiting room."""
    return Stay(
        step.fence,
        STAYS_AS[verdict.ending].value,
        verdict.message,
        after=verdict.after,
        wake_key=verdict.wake_key,
        tries=1 if verdict.ending is Ending.RETRY else 0,
        deaths=1 if verdict.ending is Ending.DEAD else 0,
        endless=verdict.endless,
        lifetime=step.consumer.deadline.total_seconds(),
    )


def ended(service: ServiceName, step: LiveStep, verdict: Verdict) -> Ended:
    """What the try leaves behind. A repetition of Later or Parked with the same words is not logged again."""
    if verdict.ending is Ending.DEAD:
        return _death(service, step, verdict)
    messages = tuple(said(wrap(service, step, event)) for event in verdict.events)
    silent = verdict.ending in (Ending.LATER, Ending.PARKED) and verdict.message == step.reason and not messages
    return Ended(None if silent else _log(service, step, verdict, messages), _move(step, verdict), messages)


def wrap(service: ServiceName, step: LiveStep, event: Event) -> CloudEvent[Any]:
    """Put an event that a step says into its envelope: same story, caused by the step's event."""
    return CloudEvent.of(
        event,
        source=service.value,
        project_id=step.project_id,
        correlation_id=step.correlation_id,
        causation_id=step.event_id,
        traceparent=step.traceparent or step.event.traceparent,
    )


def dead_letter(*, consumer: str, body: bytes, death: int, headers: dict[str, Any]) -> Message:
    """The outbox row of a dead letter. Its ``vrs-death`` is what a replay must name to open the step again."""
    return Message(
        uuid7(),
        DEAD_EXCHANGE,
        consumer,
        body,
        {
            **{name: value[:LONGEST_HEADER] if isinstance(value, str) else value for name, value in headers.items()},
            "vrs-death": death,
            "vrs-consumer": consumer,
            "vrs-died-at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
        required=True,
    )


def _death(service: ServiceName, step: LiveStep, verdict: Verdict) -> Ended:
    letter = dead_letter(
        consumer=step.queue,
        body=step.body,
        death=step.deaths + 1,
        headers={
            "event-id": str(step.event_id),
            "type": step.event.type,
            "correlation-id": str(step.correlation_id),
            "vrs-project": str(step.project_id),
            "vrs-code": verdict.code,
            "vrs-reason": verdict.message,
            "vrs-attempt": step.attempt,
            **({SUPERSEDES: str(step.supersedes)} if step.supersedes else {}),
        },
    )
    verdict = replace(verdict, detail={**verdict.detail, "dead_letter_id": str(letter.id)})
    if not step.consumer.fails_project:
        return Ended(_log(service, step, verdict, ()), None, (letter,))
    failed = said(wrap(service, step, failure(service, verdict, letter)))
    return Ended(_log(service, step, verdict, (failed,)), _move(step, verdict), (letter, failed))


def failure(service: ServiceName, verdict: Verdict, letter: Message) -> ProvisioningFailed:
    """What is said when a step gives up, whatever its error's words were."""
    return ProvisioningFailed(
        step=service,
        reason_code=verdict.code if re.fullmatch(r"[a-z][a-z0-9_]{0,63}", verdict.code) else "unclassified",
        message=re.sub(r"[\x00-\x20\x7f]+", " ", verdict.message).strip()[:500] or "no reason was given",
        customer_text=verdict.customer_text,
        dead_letter_id=letter.id,
    )


def _move(step: LiveStep, verdict: Verdict) -> Move | None:
    """Nothing is due of a project that failed, or that waits without a deadline; when it goes on, the step is again."""
    due = step.consumer.due
    match verdict.ending:
        case Ending.DONE:
            due = step.consumer.next_due
        case Ending.DEAD:
            due = None
        case Ending.CLOSED | Ending.REFUSED:
            return None
        case _ if verdict.endless:
            due = None
        case _ if verdict.state is None and step.expires is None and due is not None:  # a wait is over
            return Move(step.project_id, None, due.total_seconds())
    if verdict.state is None:
        return None
    return Move(step.project_id, verdict.state, due.total_seconds() if due else None)


def _log(service: ServiceName, step: LiveStep, verdict: Verdict, events: Sequence[Message]) -> LogRow:
    took = time.monotonic() - step.started
    return LogRow(
        project_id=step.project_id,
        consumer=step.queue,
        step=step.queue.removeprefix(f"{service}."),
        status=LOGGED_AS[verdict.ending],
        attempt=step.attempt,
        event_id=step.event_id,
        causation_id=step.event.causationid,
        correlation_id=step.correlation_id,
        message=verdict.message,
        detail=verdict.detail,
        emitted=b"\n".join(event.body for event in events) if events else None,
        started_at=datetime.now(UTC) - timedelta(seconds=took),
        duration_ms=int(took * 1000),
    )
