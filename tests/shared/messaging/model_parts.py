"""What the model of the choreography is made of: its rules, its rows, its messages, its consumers."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any

from contracts import EVENTS, AppDeployed, CloudEvent, DnsConfigured, ProjectOrdered, ServiceName, decode
from shared.messaging.steps import LiveStep
from shared.messaging.topology import queue_name
from shared.models import StepState
from shared.outcome import Outcome
from shared.service import Consumer

Play = Generator[None, None, Outcome]

FORWARD = (ProjectOrdered, DnsConfigured, AppDeployed)


class Rule(Enum):
    """What the guarantees rest on."""

    CLAIM_BEFORE_ACK = auto()
    LOG_IS_THE_INBOX = auto()
    OPEN_STEP_IS_A_DUPLICATE = auto()
    DEATH_NUMBER_OPENS = auto()
    MARK_STOPS_CLAIMS = auto()
    TOKEN_FENCES = auto()
    LEASE_BEFORE_CALL = auto()
    FIND_BEFORE_CREATE = auto()
    CANCELLED_EMITS_NOTHING = auto()
    UNDO_WAITS_FOR_RUNNING = auto()
    UNDO_CLOSES_WAITING = auto()
    CANCELLED_WHEN_ALL_IS_UNDONE = auto()
    CANCELLED_IS_THE_END = auto()
    UNCONFIRMED_STAYS = auto()


@dataclass
class Row:
    """A row of `open_steps`. `expired`: its lease has run out; the clock of the model is whoever takes it."""

    event: CloudEvent[Any]
    state: StepState
    token: int
    attempt: int = 1
    deaths: int = 0
    reason: str | None = None
    expired: bool = False


@dataclass(eq=False)
class Try:
    """A handler in the middle of its work in some process."""

    step: LiveStep
    play: Play
    lease_is_over: bool = False


@dataclass(frozen=True)
class Delivery:
    """A message in a queue."""

    queue: str
    body: bytes
    deaths: int = 0


@cache
def read(body: bytes) -> CloudEvent[Any]:
    return decode(body, EVENTS[json.loads(body)["type"]])


def _consumers() -> dict[str, tuple[ServiceName, Consumer]]:
    async def handler(event: Any, step: Any) -> Outcome:
        raise NotImplementedError

    found = {}
    for event in EVENTS.values():
        for service in event.required_by:
            tells = service is ServiceName.NOTIFY
            if tells and event is ProjectOrdered:
                continue  # a mail beside the way is like the one at its end
            consumer = Consumer(
                event=event,
                handler=handler,
                introduces_project=event is ProjectOrdered,
                needs_project=event in FORWARD and event is not ProjectOrdered,
                fails_project=not tells,
                despite_cancellation=event.type == "vrs.provisioning.failed.v1",
            )
            found[queue_name(service, event)] = (service, consumer)
    return found


CONSUMERS = _consumers()
