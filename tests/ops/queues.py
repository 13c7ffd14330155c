"""Queues as an older version may have left them."""

from typing import Any

from contracts import ProjectOrdered, ServiceName
from shared.messaging.topology import Queue, consumer_queue, dead_queue

WORKING = consumer_queue(ServiceName.DNS, ProjectOrdered)
DEAD = dead_queue(ServiceName.DNS)


def otherwise(queue: Queue, **arguments: Any) -> Queue:
    """`queue` with other arguments; None takes one away."""
    changed = dict(queue.arguments) | {name.replace("_", "-"): value for name, value in arguments.items()}
    kept = tuple((name, value) for name, value in changed.items() if value is not None)
    return Queue(queue.name, kept, queue.bindings)
