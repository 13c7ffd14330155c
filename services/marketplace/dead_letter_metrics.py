"""What the marketplace's metrics say of dead letters: it may read everybody's, and those that were discarded."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import EVENTS, ServiceName
from shared.messaging.topology import queue_name
from shared.metrics import DEAD_LETTERS_WAITING
from shared.models import ArchivedLetter, OpenStep, StepState

_DISCARDED = select(ArchivedLetter.id).where(
    ArchivedLetter.consumer == OpenStep.consumer,
    ArchivedLetter.event_id == OpenStep.event_id,
    ArchivedLetter.death == OpenStep.deaths,
    ArchivedLetter.restored_at.is_(None),
)
_COUNT = (
    select(OpenStep.consumer, func.count().label("steps"))
    .where(OpenStep.state == StepState.DEAD, ~_DISCARDED.exists())
    .group_by(OpenStep.consumer)
)
_CONSUMERS = tuple(
    queue_name(service, event) for service in ServiceName for event in EVENTS.values() if service in event.required_by
)


async def count_dead_letters(connection: AsyncConnection) -> None:
    """Set the gauge of dead steps by consumer; those whose letter was discarded wait for nobody."""
    counts = dict.fromkeys(_CONSUMERS, 0)
    counts |= {row.consumer: row.steps for row in await connection.execute(_COUNT)}
    DEAD_LETTERS_WAITING.clear()
    for consumer, steps in counts.items():
        DEAD_LETTERS_WAITING.labels(consumer.partition(".")[0], consumer).set(steps)
