"""The one place that decides what becomes of a try: done, later, parked, tried again, or dead."""

import math
import random
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from contracts import CustomerText, Event
from shared.errors import PermanentError, StepVoidError, TemporaryError
from shared.messaging.clean import clean, clean_detail
from shared.models import LogStatus, ProvisioningState
from shared.outcome import Done, Later, Outcome, Parked
from shared.service import Consumer
from shared.writes import Write

FIRST_BACKOFF = 1.0
BACKOFF_GROWTH = 2.0
LONGEST_BACKOFF = 60.0
BACKOFF_JITTER = 0.5
"""Up to this part of a pause is taken off at random."""

SHORTEST_WAIT = 0.02
LONGEST_WAIT = 86_400.0
LONGEST_LOOK_AGAIN = 300.0
"""Seconds. A parked step always looks again by itself: a wake between its look and its commit would be lost."""

DEEPEST_FRAMES = 12
"""Of a traceback so many are kept, the last ones."""

GENERAL_TEXT = CustomerText(
    de="Bei der Einrichtung Ihres Projekts ist ein Problem aufgetreten. Wir kümmern uns darum und melden uns.",
    en="There was a problem while setting up your project. We are on it and will be in touch.",
)


class Ending(StrEnum):
    """How a try ends."""

    DONE = "done"
    LATER = "later"
    PARKED = "parked"
    RETRY = "retry"
    DEAD = "dead"
    CLOSED = "closed"  # by a cancellation
    REFUSED = "refused"  # an edited copy that came too late
    VOID = "void"  # somebody else has the step, or nobody: nothing is written


LOGGED_AS = {
    Ending.DONE: LogStatus.COMPLETED,
    Ending.LATER: LogStatus.WAITING,
    Ending.PARKED: LogStatus.PARKED,
    Ending.RETRY: LogStatus.RETRYING,
    Ending.DEAD: LogStatus.DEAD,
    Ending.CLOSED: LogStatus.CANCELLED,
    Ending.REFUSED: LogStatus.SUPERSEDED,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is written when a try ends. `after` is in seconds; `code` and `customer_text` belong to a death."""

    ending: Ending
    message: str
    detail: dict[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    writes: tuple[Write, ...] = ()
    state: ProvisioningState | None = None
    after: float = 0.0
    wake_key: str | None = None
    endless: bool = False
    code: str = ""
    customer_text: CustomerText = GENERAL_TEXT


def decide(result: Outcome | BaseException, *, consumer: Consumer, attempt: int, expires: float | None) -> Verdict:
    """Judge what a handler returned or raised.

    `expires` is the monotonic time of the step's deadline, None while it has none. Unknown errors are temporary.
    """
    match result:
        case Done():
            return _verdict(Ending.DONE, result)
        case Later(after=after):
            after = _seconds(after)
            if _too_late(expires, after):
                return _dead(f"not done by its deadline: {result.message}", "deadline", consumer, result.detail)
            return _verdict(Ending.LATER, result, after=after)
        case Parked(key=key, until_woken=endless):
            if not endless and _too_late(expires, 0):
                return _dead(f"not done by its deadline: {result.message}", "deadline", consumer, result.detail)
            after = min(_seconds(result.look_again), LONGEST_LOOK_AGAIN)
            return _verdict(Ending.PARKED, result, after=after, wake_key=key, endless=endless)
        case StepVoidError():
            return Verdict(Ending.VOID, clean(f"stopped: {result}"))
        case PermanentError():
            return _dead(str(result), result.code, consumer, _traceback(result), result.customer_text)
        case TemporaryError():
            return _retry(result, str(result), result.code, result.retry_after, consumer, attempt, expires)
        case _:
            # The first line only: a database error goes on with the statement and its values.
            words = f"{type(result).__name__}: {str(result).partition(chr(10))[0]}"
            return _retry(
                result if isinstance(result, BaseException) else None,
                words,
                "unexpected",
                None,
                consumer,
                attempt,
                expires,
            )


def gave_up(message: str, code: str, consumer: Consumer) -> Verdict:
    """A death that no handler asked for."""
    return _dead(message, code, consumer, {})


def backoff(attempt: int) -> float:
    """Seconds before try `attempt` + 1: doubling from 1 s to 60 s, with up to half taken off at random."""
    longest = min(LONGEST_BACKOFF, FIRST_BACKOFF * BACKOFF_GROWTH ** min(attempt - 1, 10))
    return longest * random.uniform(1 - BACKOFF_JITTER, 1.0)  # noqa: S311 - jitter, no secret


def _verdict(ending: Ending, outcome: Outcome, **waiting: Any) -> Verdict:
    return Verdict(
        ending,
        clean(outcome.message),
        clean_detail(outcome.detail),
        outcome.events,
        outcome.writes,
        outcome.state,
        **waiting,
    )


def _retry(
    error: BaseException | None,
    message: str,
    code: str,
    retry_after: float | None,
    consumer: Consumer,
    attempt: int,
    expires: float | None,
) -> Verdict:
    after = max(backoff(attempt), _seconds(retry_after or 0.0))
    if _too_late(expires, after):
        return _dead(f"gave up after {attempt} tries: {message}", code, consumer, _traceback(error))
    detail = {"code": code, "next_try_in": round(after, 1)} | (_traceback(error) if code == "unexpected" else {})
    return Verdict(Ending.RETRY, clean(message), detail, after=after, code=code)


def _dead(
    message: str, code: str, consumer: Consumer, detail: Mapping[str, Any], text: CustomerText | None = None
) -> Verdict:
    return Verdict(
        Ending.DEAD,
        clean(message),
        {**clean_detail(detail), "code": code},
        code=code,
        customer_text=text or consumer.failed_text or GENERAL_TEXT,
        state=ProvisioningState.FAILED,
    )


def _traceback(error: BaseException | None) -> dict[str, Any]:
    """Where it was raised, for operators: frames and the error's first line, no values of variables."""
    if error is None or error.__traceback__ is None:
        return {}
    frames = traceback.format_tb(error.__traceback__, limit=-DEEPEST_FRAMES)
    last = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return {"traceback": f"Traceback (most recent call last):\n{''.join(frames)}{clean(last)}"}


def _seconds(after: float) -> float:
    """`after` within bounds: never at once, which would spin, and never NaN or for ever."""
    return min(max(after, SHORTEST_WAIT), LONGEST_WAIT) if math.isfinite(after) else LONGEST_WAIT


def _too_late(expires: float | None, after: float) -> bool:
    return expires is not None and time.monotonic() + after > expires
