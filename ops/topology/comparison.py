"""Expected and real topology side by side: what is wrong, and the command that mends it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from aiormq.abc import AbstractConnection
from aiormq.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from pydantic import SecretStr

from contracts import EVENTS_EXCHANGE, ServiceName
from ops.topology.expected import MIGRATING, Expected, expected_topology, holds_dead_letters
from ops.topology.management import Managed, ask_management
from ops.topology.real import Real, channel_of, counts, look, vhost_of
from ops.topology.waiting import Waiting, first_death, waiting_by_consumer
from shared.messaging.topology import DEAD_EXCHANGE, TO_EXCHANGE, Queue

DESTROYING = ("message-ttl", "expires", "max-length", "max-length-bytes", "delivery-limit")
"""What a policy must not set on a queue of ours: each of them destroys messages or has them refused."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with `what`, and the command that mends it."""

    what: str
    wrong: str
    remedy: str


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue, expected and real. None of a real value: it is not there, or RabbitMQ does not tell.

    `oldest_at`: when the first dead letter died; of a working queue it is not known. `waiting`: steps that were taken
    from the queue and are not done, by state, and when the oldest was taken.
    """

    name: str
    service: ServiceName
    expected: dict[str, Any]
    real: dict[str, Any] | None
    ready: int | None
    unacked: int | None
    consumers: int | None
    oldest_at: datetime | None
    waiting: dict[str, int]
    waiting_since: datetime | None


@dataclass(slots=True)
class Comparison:
    """Everything that was looked at. `outbox` counts rows by the service that will say them."""

    queues: list[QueueLine] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    outbox: dict[str, dict[str, Any]] = field(default_factory=dict)
    not_checked: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return asdict(self)


async def compare(connection: AbstractConnection, services: Sequence[str], api_url: SecretStr | None) -> Comparison:
    """Look at exchanges and at the queues of `services`, and change nothing.

    Raises:
        CommandError: the management API is configured and does not answer.
        aiormq.exceptions.AMQPError, ConnectionError: the broker went away.

    """
    expected = await expected_topology(services)
    managed = await ask_management(connection, api_url)
    found = Comparison()
    if managed is None:
        found.not_checked.append(
            "bindings, unacked messages, policies and who else is bound: AMQP does not tell them; set "
            "VRS_RABBITMQ_API_URL, or put every missing binding back with `vrs topology declare`"
        )
    found.not_checked.append(
        "the age of messages in working queues: RabbitMQ tells it only to whoever takes them out; steps that were "
        "taken and are not done are shown with theirs"
    )
    waiting = await waiting_by_consumer(found.not_checked, found.outbox)
    found.faults += [fault async for fault in _exchanges(connection)]
    for service, queue in expected.queues.values():
        line, faults = await _line(connection, service, queue, managed, waiting.get(queue.name, Waiting()))
        found.queues.append(line)
        found.faults += faults
    found.faults += [fault async for fault in _left(connection, expected)]
    return found


async def _exchanges(connection: AbstractConnection) -> AsyncIterator[Fault]:
    for name in (EVENTS_EXCHANGE, TO_EXCHANGE, DEAD_EXCHANGE):
        async with channel_of(connection) as channel:
            try:
                await channel.exchange_declare(name, passive=True)
                await channel.exchange_declare(name, exchange_type="topic", durable=True)
            except ChannelNotFoundEntity:
                yield Fault(name, "the exchange is missing", "vrs topology declare")
            except ChannelPreconditionFailed as error:
                delete = f"rabbitmqadmin -V {vhost_of(connection)} delete exchange name={name}"
                yield Fault(name, str(error), f"stop the services; {delete}; vrs topology declare")


async def _line(
    connection: AbstractConnection,
    service: ServiceName,
    queue: Queue,
    managed: dict[str, Managed] | None,
    waiting: Waiting,
) -> tuple[QueueLine, list[Fault]]:
    real = await look(connection, queue)
    told = None if managed is None or real is None else managed.get(queue.name, Managed())
    line = QueueLine(
        queue.name,
        service,
        {"durable": True, "auto_delete": False, "arguments": dict(queue.arguments), "bindings": sorted(queue.bindings)},
        _as_found(real, told) if real else None,
        real.ready if real else None,
        told.unacked if told else None,
        real.consumers if real else None,
        await first_death(connection, queue.name) if real and _may_be_peeked(queue, real) else None,
        waiting.by_state,
        waiting.since,
    )
    return line, [*_faults(service, queue, real), *(_managed_faults(queue, told, vhost_of(connection)) if told else ())]


def _may_be_peeked(queue: Queue, real: Real) -> bool:
    """With a wrong delivery limit a peek may destroy."""
    return bool(real.ready) and holds_dead_letters(queue) and not real.differences


def _as_found(real: Real, told: Managed | None) -> dict[str, Any]:
    return {
        "durable": real.durable,
        "auto_delete": real.auto_delete,
        "arguments": real.arguments,
        "bindings": sorted(told.bindings) if told else None,
        "policy": told.policy if told else None,
    }


def _faults(service: ServiceName, queue: Queue, real: Real | None) -> Iterator[Fault]:
    if real is None:
        yield Fault(queue.name, "the queue is missing", "vrs topology declare")
        return
    if real.differences:
        remedy = "vrs topology migrate --dry-run; vrs topology migrate"
        yield Fault(queue.name, "; ".join(real.differences), remedy)
    if not real.consumers and not holds_dead_letters(queue):
        yield Fault(queue.name, f"nobody consumes it, {real.ready} messages wait", f"vrs run {service}")


def _managed_faults(queue: Queue, told: Managed, vhost: str) -> Iterator[Fault]:
    expected = set(queue.bindings)
    for exchange, key in sorted(expected - told.bindings):
        yield Fault(queue.name, f"it is not bound to {exchange} by {key}", "vrs topology declare")
    for exchange, key in sorted(told.bindings - expected):
        yield Fault(
            queue.name,
            f"it is bound to {exchange} by {key}, which nobody expects",
            f"rabbitmqadmin -V {vhost} delete binding source={exchange} destination_type=queue "
            f"destination={queue.name} properties_key={key.replace('#', '%23')}",
        )
    for name in DESTROYING:
        if name in told.policy_sets:
            wrong = f"policy {told.policy} sets {name} to {told.policy_sets[name]}: it can destroy messages"
            yield Fault(queue.name, wrong, f"rabbitmqctl -p {vhost} clear_policy {told.policy}")


async def _left(connection: AbstractConnection, expected: Expected) -> AsyncIterator[Fault]:
    """Look for queues of ours that should not be there any more."""
    for name in expected.queues:
        second = await counts(connection, name + MIGRATING)
        if second is not None:
            wrong = f"a migration was interrupted, {second.message_count} messages wait"
            yield Fault(name + MIGRATING, wrong, "vrs topology migrate")
    for name in expected.retired:
        old = await counts(connection, name)
        if old is not None:
            wrong = f"no service consumes it any more; deleting it destroys the {old.message_count} messages in it"
            yield Fault(name, wrong, f"rabbitmqctl -p {vhost_of(connection)} delete_queue {name}")
