"""Listens to every event on a queue of its own and checks a sample against the contracts. Keeps no message."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

import structlog
from aiormq.abc import AbstractConnection, DeliveredMessage
from prometheus_client import CollectorRegistry, Counter, start_http_server

from contracts import EVENTS_EXCHANGE
from ops.bus import connect_bus
from ops.conformance.drift import Finding, Tally, findings, type_of
from ops.failure import CommandError
from shared.messaging.broker import CONNECTION_ERRORS
from shared.messaging.topology import declare
from shared.messaging.trouble import Pause, reason_of

log = structlog.get_logger(__name__)

MOST_WAITING = 10_000
"""Messages that wait for a slow sentinel; then the oldest are dropped, so that it never holds up a publisher."""

PREFETCH = 200


class Sentinel:
    """Counts in `tally` and in Prometheus' metrics.

    `on_listening` is called whenever it begins to listen, `on_new` for the first finding of each kind.
    """

    def __init__(self, *, sample: float, on_listening: Callable[[], None], on_new: Callable[[Finding], None]) -> None:
        self.sample = sample
        self.on_listening = on_listening
        self.on_new = on_new
        self.tally = Tally()
        self.registry = CollectorRegistry()
        self._seen = self._counter("events", "Events on the bus, by the routing key's type.", "event")
        self._checked = self._counter("checked_events", "Events that were checked against their contract.", "event")
        self._drift = self._counter("drift", "Differences from the contract.", "event", "problem")

    def look_at(self, body: bytes, routing_key: str) -> None:
        """Count a message, and check it if it is drawn."""
        event = type_of(routing_key)
        self.tally.seen[event] += 1
        self._seen.labels(event).inc()
        if random.random() >= self.sample:  # noqa: S311 - a sample, no secret
            return
        self.tally.checked[event] += 1
        self._checked.labels(event).inc()
        for finding in sorted(findings(body, routing_key)):
            self._drift.labels(finding.event, finding.problem.value).inc()
            if self.tally.add(finding):
                self.on_new(finding)

    async def listen(self) -> None:
        """Listen for ever; a connection that is lost later is made again.

        Raises:
            CommandError: the broker does not answer at the start.

        """
        connection = await connect_bus()
        while True:
            try:
                async with connection:
                    await self._hear(connection)
                problem = "the channel was closed"
            except CONNECTION_ERRORS as error:
                problem = reason_of(error)
            log.warning("deaf until the broker is back", error=problem)
            connection = await self._reconnect()

    async def _hear(self, connection: AbstractConnection) -> None:
        """Listen until the channel ends."""
        channel = await connection.channel()
        await declare(channel, ())
        await channel.basic_qos(prefetch_count=PREFETCH)
        queue = f"sentinel.{uuid4().hex}"
        await channel.queue_declare(queue, exclusive=True, arguments={"x-max-length": MOST_WAITING})
        await channel.queue_bind(queue, EVENTS_EXCHANGE, "#")

        async def take(message: DeliveredMessage) -> None:
            self.look_at(message.body, str(getattr(message.delivery, "routing_key", "")))
            await channel.basic_ack(message.delivery_tag or 0, wait=False)

        await channel.basic_consume(queue, take)
        self.on_listening()
        await asyncio.wait([asyncio.ensure_future(channel.closing)])

    async def _reconnect(self) -> AbstractConnection:
        pause = Pause(0.5, 10.0)
        while True:
            await pause.wait()
            with suppress(CommandError):
                return await connect_bus()

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"vrs_sentinel_{name}", documentation, labels, registry=self.registry)


@contextmanager
def metrics_served(sentinel: Sentinel, host: str, port: int | None) -> Iterator[int | None]:
    """Serve the metrics over HTTP as long as the block runs, if there is a `port`; give the real one.

    Raises:
        CommandError: the port is taken.

    """
    if port is None:
        yield None
        return
    try:
        server, thread = start_http_server(port, host, sentinel.registry)
    except OSError as error:
        raise CommandError(f"--metrics-port {port}: cannot listen: {error.strerror}") from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
