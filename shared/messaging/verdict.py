"""The one place that decides what becomes of a try: done, later, parked, tried again, or dead."""

import math
import random
import time
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
LONGEST_BACKOFF = 60.0
SHORTEST_WAIT = 0.02
LONGEST_WAIT = 86_400.0
LONGEST_LOOK_AGAIN = 300.0
"""Seconds. A parked step always looks again by itself: a wake between its look and its commit would be lost."""

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
    VOID = "void"  # somebody else has the step, or nobody: nothing is written


LOGGED_AS = {
    Ending.DONE: LogStatus.COMPLETED,
    Ending.LATER: LogStatus.WAITING,
    Ending.PARKED: LogStatus.PARKED,
    Ending.RETRY: LogStatus.RETRYING,
    Ending.DEAD: LogStatus.DEAD,
    Ending.CLOSED: LogStatus.CANCELLED,
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
            return _dead(str(result), result.code, consumer, {}, result.customer_text)
        case TemporaryError():
            return _retry(str(result), result.code, result.retry_after, consumer, attempt, expires)
        case _:
            # The first line only: a database error goes on with the statement and its values.
            words = f"{type(result).__name__}: {str(result).partition(chr(10))[0]}"
            return _retry(words, "unexpected", None, consumer, attempt, expires)


def gave_up(message: str, code: str, consumer: Consumer) -> Verdict:
    """A death that no handler asked for."""
    return _dead(message, code, consumer, {})


def backoff(attempt: int) -> float:
    """Seconds before try `attempt` + 1: doubling from 1 s to 60 s, with up to half taken off at random."""
    longest = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(attempt - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret


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
    message: str, code: str, retry_after: float | None, consumer: Consumer, attempt: int, expires: float | None
) -> Verdict:
    after = max(backoff(attempt), _seconds(retry_after or 0.0))
    if _too_late(expires, after):
        return _dead(f"gave up after {attempt} tries: {message}", code, consumer, {})
    return Verdict(Ending.RETRY, clean(message), {"code": code, "next_try_in": round(after, 1)}, after=after, code=code)


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


def _seconds(after: float) -> float:
    """`after` within bounds: never at once, which would spin, and never NaN or for ever."""
    return min(max(after, SHORTEST_WAIT), LONGEST_WAIT) if math.isfinite(after) else LONGEST_WAIT


def _too_late(expires: float | None, after: float) -> bool:
    return expires is not None and time.monotonic() + after > expires
