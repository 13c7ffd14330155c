"""The queues that there should be: what the services themselves say they consume."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts import EVENTS, ServiceName
from ops.contracts.system import build_services
from shared.messaging.topology import DEAD_EXCHANGE, Queue, consumer_queue, dead_queue, queue_name

MIGRATING = ".migrating"
"""Ends the name of the queue that holds a queue's messages while it is made anew."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The queues of the examined services, each with the service that it belongs to.

    `retired` names queues that an older version of theirs may have left.
    """

    queues: dict[str, tuple[ServiceName, Queue]]
    retired: tuple[str, ...]


async def expected_topology(services: Sequence[str]) -> Expected:
    """Read from the code of each service what it consumes; its settings are not needed."""
    queues: dict[str, tuple[ServiceName, Queue]] = {}
    retired: list[str] = []
    for service in await build_services():
        if service.name not in services:
            continue
        own = [consumer_queue(service.name, consumer.event) for consumer in service.consumers]
        own += [dead_queue(service.name)] if own else []
        queues |= {queue.name: (service.name, queue) for queue in own}
        names = [*(queue_name(service.name, event) for event in EVENTS.values()), dead_queue(service.name).name]
        retired += [name for name in names if name not in queues]
    return Expected(queues, tuple(retired))


def holds_dead_letters(queue: Queue) -> bool:
    """Whether it is a service's queue of dead letters: nobody consumes it, and looking into it is allowed."""
    return any(exchange == DEAD_EXCHANGE for exchange, _ in queue.bindings)
