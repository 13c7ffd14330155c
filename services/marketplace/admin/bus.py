"""What lies in RabbitMQ's queues, as AMQP alone tells it: no management API, no further secret."""

from dataclasses import dataclass

import aiormq
import structlog
from aiormq.abc import AbstractConnection
from aiormq.exceptions import AMQPError

from contracts import EVENTS, ServiceName
from shared.messaging.broker import CONNECTION_ERRORS
from shared.messaging.topology import dead_queue, queue_name
from shared.messaging.trouble import reason_of

QUEUES = tuple(
    queue_name(service, event) for service in ServiceName for event in EVENTS.values() if service in event.required_by
)
"""Where somebody must be listening."""

DEAD = tuple(dead_queue(service).name for service in ServiceName if service is not ServiceName.MARKETPLACE)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Depth:
    """A queue: messages that nobody has taken yet, and how many listen."""

    name: str
    ready: int
    consumers: int


async def depths(amqp_url: str) -> list[Depth] | None:
    """Look at every queue of ours that is there; None if RabbitMQ does not answer."""
    try:
        async with await aiormq.connect(amqp_url) as connection:
            found = [await _depth(connection, name) for name in (*QUEUES, *DEAD)]
    except CONNECTION_ERRORS as error:
        log.warning("the queues could not be looked at", problem=reason_of(error))
        return None
    return [depth for depth in found if depth is not None]


async def _depth(connection: AbstractConnection, name: str) -> Depth | None:
    channel = await connection.channel()  # one each: RabbitMQ closes it if there is no such queue
    try:
        declared = await channel.queue_declare(name, passive=True)
        return Depth(name, declared.message_count or 0, declared.consumer_count or 0)
    except AMQPError:
        return None
    finally:
        if not channel.is_closed:
            await channel.close()
