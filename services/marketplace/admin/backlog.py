"""What waits before and in each step: messages in RabbitMQ's queues and open steps of the database, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.marketplace.admin.bus import DEAD, Depth
from services.marketplace.admin.plots import Part, stacked


@dataclass(frozen=True, slots=True)
class Backlog:
    """A consumer. `counts` are messages that nobody has taken (queued) and its steps; `listeners` None: not known."""

    consumer: str
    counts: Mapping[str, int]
    listeners: int | None
    parts: tuple[Part, ...]


def backlogs(queues: Sequence[Depth] | None, steps: Sequence[Any]) -> list[Backlog]:
    """Join them, by consumer, those with nothing at all left out."""
    depths = {queue.name: queue for queue in queues or () if queue.name not in DEAD}
    rows = {row.consumer: row for row in steps}
    counted = {}
    for consumer in sorted({*depths, *rows}):
        row, depth = rows.get(consumer), depths.get(consumer)
        counted[consumer] = {
            "queued": depth.ready if depth else 0,
            "running": row.running if row else 0,
            "waiting": row.waiting if row else 0,
            "failed": row.dead if row else 0,
        }
    most = max((sum(counts.values()) for counts in counted.values()), default=0)
    return [
        Backlog(consumer, counts, depth.consumers if (depth := depths.get(consumer)) else None, stacked(counts, most))
        for consumer, counts in counted.items()
        if any(counts.values())
    ]


def undeliverable(queues: Sequence[Depth] | None) -> int | None:
    """How many dead letters lie in RabbitMQ; None if it does not answer."""
    return None if queues is None else sum(queue.ready for queue in queues if queue.name in DEAD)
