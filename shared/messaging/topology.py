"""Every name that RabbitMQ sees. Must run unchanged on RabbitMQ 3.10 and 4.x."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiormq.abc import AbstractChannel

from contracts import EVENTS_EXCHANGE, Event, ProvisioningFailed, ServiceName
from shared.service import Service

TO_EXCHANGE = "vrs.to"
"""A message for one consumer, under its queue's name: replays go here."""

DEAD_EXCHANGE = "vrs.dead"
"""Dead letters, under the name of the queue they died in."""

ALWAYS_PUBLISHED: tuple[type[Event], ...] = (ProvisioningFailed,)
"""What the kernel says for every service whose failures make a project fail."""

DELIVERY_LIMIT = 1000
"""The last net: the kernel itself has long dead-lettered a message that cannot be claimed."""

DEAD_DELIVERY_LIMIT = 1_000_000
"""With no limit RabbitMQ 4.0 destroys a dead letter on its 22nd peek, with -1 RabbitMQ 3.10 on its 2nd."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A quorum queue with its arguments and its bindings (exchange, routing key)."""

    name: str
    arguments: tuple[tuple[str, Any], ...]
    bindings: tuple[tuple[str, str], ...]


def queue_name(service: ServiceName, event: type[Event]) -> str:
    """``dns.project-ordered``: also the consumer's name in the waiting room and the log."""
    return f"{service}.{event.hyphenated()}"


def consumer_queue(service: ServiceName, event: type[Event]) -> Queue:
    """The queue in which `service` hears `event`."""
    name = queue_name(service, event)
    return Queue(
        name,
        (
            ("x-queue-type", "quorum"),
            ("x-overflow", "reject-publish"),
            ("x-delivery-limit", DELIVERY_LIMIT),
            ("x-dead-letter-exchange", DEAD_EXCHANGE),
            ("x-dead-letter-routing-key", name),
            ("x-dead-letter-strategy", "at-least-once"),
        ),
        ((EVENTS_EXCHANGE, event.routing_key()), (TO_EXCHANGE, name)),
    )


def dead_queue(service: ServiceName) -> Queue:
    """The queue of all dead letters of `service`. No TTL, no length limit: nothing dead is lost silently."""
    return Queue(
        f"{service}.dead",
        (("x-queue-type", "quorum"), ("x-delivery-limit", DEAD_DELIVERY_LIMIT)),
        ((DEAD_EXCHANGE, f"{service}.#"),),
    )


def published_by(service: Service) -> tuple[type[Event], ...]:
    """Every event that `service` says, those that the kernel says for it among them."""
    fails = any(consumer.fails_project for consumer in service.consumers)
    return (*service.publishes, *(ALWAYS_PUBLISHED if fails else ()))


def own_queues(service: Service) -> list[Queue]:
    """The queues of `service`: what it consumes, and its dead letters."""
    consumed = [consumer_queue(service.name, consumer.event) for consumer in service.consumers]
    return [*consumed, dead_queue(service.name)] if consumed else []


def audience_queues(service: Service) -> list[Queue]:
    """The queues of others that must hear what `service` publishes."""
    required = [(listener, event) for event in published_by(service) for listener in event.required_by]
    queues = [consumer_queue(listener, event) for listener, event in required if listener != service.name]
    queues += [dead_queue(listener) for listener, _ in required if listener != service.name]
    return list({queue.name: queue for queue in queues}.values())


def queues_of(service: Service) -> list[Queue]:
    """What `service` declares at start."""
    return [*own_queues(service), *audience_queues(service)]


async def declare(channel: AbstractChannel, queues: Iterable[Queue]) -> None:
    """Declare the exchanges and `queues`; nothing happens to what is there already.

    Raises:
        aiormq.exceptions.ChannelPreconditionFailed: a queue of this name has other arguments.

    """
    await declare_exchanges(channel)
    await declare_queues(channel, queues)


async def declare_exchanges(channel: AbstractChannel, *, passive: bool = False) -> None:
    """Declare the exchanges, or only ask for them, which anybody may.

    Raises:
        aiormq.exceptions.ChannelNotFoundEntity: it was only asked and one is missing.

    """
    for exchange in (EVENTS_EXCHANGE, TO_EXCHANGE, DEAD_EXCHANGE):
        await channel.exchange_declare(exchange, exchange_type="topic", durable=True, passive=passive)


async def declare_queues(channel: AbstractChannel, queues: Iterable[Queue]) -> None:
    """Declare and bind `queues`; the exchanges must be there."""
    for queue in queues:
        await channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        for exchange, routing_key in queue.bindings:
            await channel.queue_bind(queue.name, exchange, routing_key)
