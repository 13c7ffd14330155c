"""What becomes of an event that cannot be handled, as specification extensions: AsyncAPI has no field for it.

Durations are ISO 8601. `docs/contracts.md` explains each key.
"""

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from contracts import MAX_BYTES, ProvisioningFailed, ServiceName
from shared.messaging.intake import SUSPICIOUS_DELIVERIES
from shared.messaging.topology import (
    DEAD_EXCHANGE,
    DELIVERY_LIMIT,
    TO_EXCHANGE,
    dead_queue,
    queue_name,
)
from shared.messaging.verdict import BACKOFF_GROWTH, BACKOFF_JITTER, FIRST_BACKOFF, LONGEST_BACKOFF, LONGEST_LOOK_AGAIN
from shared.service import Consumer

_DURATION = TypeAdapter(timedelta)

DEAD_LETTER_HEADERS: dict[str, dict[str, str]] = {
    "vrs-consumer": {"type": "string", "description": "The queue it died in; a replay goes there."},
    "vrs-code": {"type": "string", "description": "The cause for programs: the `reason_code` of ProvisioningFailed."},
    "vrs-reason": {"type": "string", "description": "The cause in words."},
    "vrs-project": {"type": "string", "description": "The project's id; empty if the message could not be read."},
    "vrs-attempt": {"type": "integer", "description": "How often it had been tried."},
    "vrs-death": {"type": "integer", "description": "How often it has died: keep it when you replay."},
    "vrs-died-at": {"type": "string", "format": "date-time", "description": "When it died."},
    "event-id": {"type": "string", "format": "uuid", "description": "The event's id, or one derived from its bytes."},
}
"""What a dead letter says of its death, beside the headers of every event."""


def failure_path(service: ServiceName, consumer: Consumer) -> dict[str, Any]:
    """What `service` does with an event of `consumer` that it cannot handle."""
    queue = queue_name(service, consumer.event)
    return {
        "acknowledged": "when the step is committed; what follows needs no redelivery",
        "deadline": duration(consumer.deadline),
        "tryTimeout": duration(consumer.try_timeout),
        "concurrency": consumer.concurrency,
        "waitsForProject": consumer.needs_project,
        "heedsCancellation": not consumer.despite_cancellation,
        "retry": {
            "when": "the cause may pass",
            "first": duration(timedelta(seconds=FIRST_BACKOFF)),
            "factor": BACKOFF_GROWTH,
            "atMost": duration(timedelta(seconds=LONGEST_BACKOFF)),
            "jitter": f"up to {BACKOFF_JITTER:.0%} shorter",
            "honoursRetryAfter": True,
            "parkedLooksAgainWithin": duration(timedelta(seconds=LONGEST_LOOK_AGAIN)),
        },
        "refuses": {"largerThanBytes": MAX_BYTES, "code": "contract_<why>"},
        "redelivery": {"claimedAloneFrom": SUSPICIOUS_DELIVERIES, "limit": DELIVERY_LIMIT},
        "deadLetter": {
            "when": "the cause will not pass, the deadline is over, or the event breaks its contract",
            "exchange": DEAD_EXCHANGE,
            "routingKey": queue,
            "queue": dead_queue(service).name,
            "body": "the exact bytes of the event",
            "headers": sorted(DEAD_LETTER_HEADERS),
        },
        "announces": ProvisioningFailed.type if consumer.fails_project else None,
        "replay": {"exchange": TO_EXCHANGE, "routingKey": queue, "headers": "those of the dead letter, unchanged"},
    }


def duration(value: timedelta) -> str:
    """``PT30M``."""
    text: str = _DURATION.dump_python(value, mode="json")
    return text
