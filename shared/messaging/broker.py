"""FastStream's broker declares; our own channels consume and publish in groups.

`ServiceBroker` overrides the public `start`, `stop` and `ping` only. Its subscribers serve AsyncAPI; they are never
started. Every channel of ours is a plain aiormq channel on the broker's own connection.
"""

from collections.abc import Callable
from types import TracebackType

import structlog
from aio_pika.abc import AbstractRobustConnection
from aiormq.abc import AbstractConnection
from aiormq.channel import Channel
from aiormq.exceptions import AMQPError, ChannelInvalidStateError
from faststream import AckPolicy
from faststream.rabbit import ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue

from contracts import CloudEvent
from shared.messaging.topology import EVENTS_EXCHANGE, consumer_queue, declare, queues_of
from shared.messaging.trouble import Pause, reason_of
from shared.service import Consumer, Service

log = structlog.get_logger(__name__)

RECONNECT_INTERVAL = 1.0
LONGEST_PAUSE = 15.0
CLOSE_TIMEOUT = 2.0

CONNECTION_ERRORS = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
"""What aiormq raises when a channel or connection is gone or does not come about."""


class ServiceBroker(RabbitBroker):
    """The broker of one service. `consumes` tells `ping` whether every consumer is subscribed."""

    def __init__(self, url: str, service: Service) -> None:
        super().__init__(
            f"{url}{'&' if '?' in url else '?'}name=vrs+{service.name}",
            reconnect_interval=RECONNECT_INTERVAL,
        )
        self.service = service
        self.consumes: Callable[[], bool] = lambda: True
        self._robust: AbstractRobustConnection | None = None
        for consumer in service.consumers:
            self._declare_subscriber(consumer)

    def _declare_subscriber(self, consumer: Consumer) -> None:
        queue = consumer_queue(self.service.name, consumer.event)

        async def heard(event: CloudEvent[consumer.event]) -> None:  # type: ignore[name-defined]  # known at run time
            raise RuntimeError(
                f"the kernel consumes {queue.name}: this subscriber declares it and takes no {event.type}"
            )

        self.subscriber(
            RabbitQueue(  # type: ignore[call-overload]  # the same argument names, as a TypedDict
                queue.name,
                queue_type=QueueType.QUORUM,
                arguments=dict(queue.arguments),
                routing_key=consumer.event.routing_key(),
            ),
            RabbitExchange(EVENTS_EXCHANGE, type=ExchangeType.TOPIC, durable=True),
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            title=queue.name,
            description=getattr(consumer.handler, "func", consumer.handler).__doc__,
        )(heard)

    async def start(self) -> None:
        """Connect, waiting with backoff for a broker that is not there, and declare the topology."""
        pause = Pause(0.5, LONGEST_PAUSE)
        while True:
            try:
                self._robust = await self.connect()
                await self.declare()
            except CONNECTION_ERRORS as error:
                log.warning("waiting for RabbitMQ", error=reason_of(error))
                await pause.wait()
            else:
                return

    async def declare(self) -> None:
        """Declare what the service needs, on a channel of its own."""
        channel = await self.open_channel()
        try:
            await declare(channel, queues_of(self.service))
        finally:
            await channel.close(timeout=CLOSE_TIMEOUT)

    async def open_channel(self, *, prefetch: int | None = None) -> Channel:
        """Open a plain aiormq channel with publisher confirms. It is never restored: drop it when it closes.

        Raises:
            one of CONNECTION_ERRORS: there is no connection now.

        """
        if self._robust is None or self._robust.transport is None:
            raise ConnectionError("not connected to RabbitMQ")
        connection: AbstractConnection = self._robust.transport.connection
        try:
            channel = await connection.channel(on_return_raises=False)
        except RuntimeError as error:  # what aiormq raises on a connection that was closed
            raise ConnectionError(str(error)) from error
        if prefetch is not None:
            await channel.basic_qos(prefetch_count=prefetch)
        return channel  # type: ignore[return-value]  # aiormq's only channel class

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Close the connection; the consumers must have been stopped."""
        self._robust = None
        await super().stop(exc_type, exc_val, exc_tb)

    async def ping(self, timeout: float | None) -> bool:  # noqa: ARG002, ASYNC109 - FastStream's signature
        """Whether the connection is there and every consumer of ours is subscribed."""
        return self._robust is not None and self._robust.connected.is_set() and self.consumes()
