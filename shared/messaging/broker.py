"""FastStream's broker declares; our own channels consume and publish in groups.

`ServiceBroker` overrides the public `start`, `stop` and `ping` only. Its subscribers and publishers serve AsyncAPI;
they are never started. Every channel of ours is a plain aiormq channel: those that consume on the broker's own
connection, the one that publishes on a second one. An alarm of RabbitMQ (memory, disk) stops it reading whatever comes
over a connection that has published, acks as well; what consumes must go on, for it makes the room that is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from types import TracebackType

import aiormq
import structlog
from aio_pika.abc import AbstractRobustConnection
from aiormq.abc import AbstractConnection
from aiormq.channel import Channel
from aiormq.exceptions import (
    AMQPError,
    ChannelAccessRefused,
    ChannelClosed,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
)
from faststream import AckPolicy
from faststream.rabbit import ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue

from contracts import EVENTS_EXCHANGE, CloudEvent
from shared.messaging.topology import (
    Queue,
    audience_queues,
    consumer_queue,
    dead_queue,
    declare_exchanges,
    declare_queues,
    own_queues,
    published_by,
)
from shared.messaging.trouble import Pause, reason_of
from shared.service import Consumer, Service

log = structlog.get_logger(__name__)

RECONNECT_INTERVAL = 1.0
LONGEST_PAUSE = 15.0
CONNECT_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0
HEARTBEAT = 7
"""Seconds. A silent network counts as lost after three beats and a look (27 s); aiormq's 60 would be three minutes."""

CONNECTION_ERRORS = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
"""What aiormq raises when a channel or connection is gone or does not come about."""


class ServiceBroker(RabbitBroker):
    """The broker of one service.

    `consumes` tells `ping` whether every consumer is subscribed. `blocked` is whether we wait for RabbitMQ to read
    what we publish. `declared`: `start` has declared everything. `trouble` is why it does not connect.
    """

    def __init__(self, url: str, service: Service) -> None:
        named = f"{url}{'&' if '?' in url else '?'}heartbeat={HEARTBEAT}&name=vrs+{service.name}"
        super().__init__(named, reconnect_interval=RECONNECT_INTERVAL)
        self.service = service
        self.blocked = False
        self.declared = False
        self.trouble: str | None = None
        self._publishing_url = f"{named}+publishes"
        self._publishing: AbstractConnection | None = None
        self.consumes: Callable[[], bool] = lambda: True
        self._robust: AbstractRobustConnection | None = None
        for consumer in service.consumers:
            self._declare_subscriber(consumer)
        for event in published_by(service):
            self.publisher(
                routing_key=event.routing_key(),
                exchange=RabbitExchange(EVENTS_EXCHANGE, type=ExchangeType.TOPIC, durable=True),
                persist=True,
                mandatory=True,
                title=f"{service.name}.{event.routing_key()}",
                schema=CloudEvent[event],  # type: ignore[valid-type]  # known at run time
            )

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
        """Connect, waiting with backoff for a broker that is not there, and declare the topology.

        A queue that RabbitMQ refuses is left to whoever consumes it; the others go on.
        """
        pause = Pause(0.5, LONGEST_PAUSE)
        while True:
            try:
                self._robust = await self.connect()
                await self.declare()
            except ChannelClosed as error:
                log.warning("RabbitMQ refuses what the service declares", error=reason_of(error))
                return
            except CONNECTION_ERRORS as error:
                self.trouble = reason_of(error)
                log.warning("waiting for RabbitMQ", error=self.trouble)
                await pause.wait()
            else:
                self.declared, self.trouble = True, None
                return

    async def declare(self, queue: Queue | None = None) -> None:
        """Declare what the service needs, or of its own queues only this one.

        A user with the least rights may not declare exchanges and other services' queues: those are asked for, and
        left alone. If a queue that must hear of an event is missing then, the event waits in the outbox.
        """
        try:
            await self._on_channel(partial(declare_exchanges, passive=True))
        except ChannelNotFoundEntity:
            await self._on_channel(declare_exchanges)
        own = own_queues(self.service) if queue is None else [dead_queue(self.service.name), queue]
        await self._on_channel(partial(declare_queues, queues=own))
        if queue is None:
            with suppress(ChannelAccessRefused):
                await self._on_channel(partial(declare_queues, queues=audience_queues(self.service)))

    async def _on_channel(self, work: Callable[[Channel], Awaitable[None]]) -> None:
        """On a channel of its own: RabbitMQ closes the one on which it refuses something."""
        channel = await self.open_channel()
        try:
            await work(channel)
        finally:
            await channel.close(timeout=CLOSE_TIMEOUT)

    async def open_channel(self, *, prefetch: int | None = None) -> Channel:
        """Open a plain aiormq channel to consume or declare. It is never restored: drop it when it closes.

        Raises:
            one of CONNECTION_ERRORS: there is no connection now.

        """
        if self._robust is None or self._robust.transport is None:
            raise ConnectionError("not connected to RabbitMQ")
        connection: AbstractConnection = self._robust.transport.connection
        channel = await _channel(connection)
        if prefetch is not None:
            await channel.basic_qos(prefetch_count=prefetch)
        return channel

    async def open_publishing_channel(self) -> Channel:
        """Open a channel with publisher confirms; wait, `blocked`, for as long as an alarm of RabbitMQ lasts.

        Raises:
            one of CONNECTION_ERRORS: no connection comes about.

        """
        if self._publishing is None or self._publishing.is_closed:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                self._publishing = await aiormq.connect(self._publishing_url)
        self.blocked = True
        try:
            await self._publishing.ready()
        finally:
            self.blocked = False
        return await _channel(self._publishing)

    @property
    def connected(self) -> bool:
        """Whether RabbitMQ is there."""
        return self._robust is not None and self._robust.connected.is_set()

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Close the connections; the consumers must have been stopped."""
        self._robust = None
        try:
            if self._publishing is not None:
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._publishing.close()
        finally:
            await super().stop(exc_type, exc_val, exc_tb)

    async def ping(self, timeout: float | None) -> bool:  # noqa: ARG002, ASYNC109 - FastStream's signature
        """Whether the connection is there and every consumer of ours is subscribed."""
        return self.connected and self.consumes()


def is_cancelled() -> bool:
    """Whether somebody cancels the task that asks.

    If not, a CancelledError is aiormq's word to whoever waits for an answer when the connection's reader ends.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def _channel(connection: AbstractConnection) -> Channel:
    try:
        return await connection.channel(on_return_raises=False)  # type: ignore[return-value]  # the only channel class
    except RuntimeError as error:  # what aiormq raises on a connection that was closed
        raise ConnectionError(str(error)) from error
