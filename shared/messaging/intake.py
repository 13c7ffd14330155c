"""Takes deliveries of one queue in groups: read, claimed into the waiting room in one commit, then acked.

From the ack on a step belongs to the database. A channel is never restored: when it closes, what was not claimed is
dropped (the broker delivers it again) and everything begins anew.
"""

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import structlog
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel

from contracts import CloudEvent, ContractError, Event, ProjectCancelled, ProjectOrdered, decode
from contracts.cloud_event import Refusal
from shared.database import Database
from shared.messaging.act import Actor, Lane
from shared.messaging.broker import CONNECTION_ERRORS, ServiceBroker
from shared.messaging.cancellation import introduce, mark_cancelled
from shared.messaging.refuse import Refused, refuse
from shared.messaging.say import Speaker
from shared.messaging.topology import queues_of
from shared.messaging.trouble import DATABASE_ERRORS, is_data_error
from shared.messaging.waiting_room import claim, project_facts

log = structlog.get_logger(__name__)

LARGEST_GROUP = 128
SUSPICIOUS_DELIVERIES = 5
"""From this delivery on a message is claimed alone: it may be what keeps killing its group."""

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0


@dataclass(slots=True, eq=False)
class Delivery:
    """A message as it came, and what it was read as."""

    tag: int
    body: bytes
    deaths: int
    deliveries: int
    event: CloudEvent[Event] | None = None
    error: ContractError | None = None


class Intake:
    """Consumes one queue. `subscribed` is whether deliveries can reach us now."""

    def __init__(self, lane: Lane, actor: Actor, database: Database, broker: ServiceBroker, speaker: Speaker) -> None:
        self.lane = lane
        self.actor = actor
        self.database = database
        self.broker = broker
        self.speaker = speaker
        self.subscribed = False
        self._deliveries: deque[Delivery] = deque()
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Consume, for ever; begin anew whenever the channel is gone."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._consume()
                pause = FIRST_PAUSE
            except CONNECTION_ERRORS as error:
                reason = str(error) or type(error).__name__
                log.warning("not subscribed", consumer=self.lane.queue, error=reason, next_try_in=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _consume(self) -> None:
        """Subscribe and claim until the channel closes, the broker cancels the consumer, or we are stopped."""
        await self.broker.declare(queues_of(self.broker.service))
        channel = await self.broker.open_channel(prefetch=2 * self.lane.consumer.concurrency)
        cancelled = asyncio.Event()
        channel.on_consumer_cancel_callbacks.add(lambda _: cancelled.set())
        self._deliveries.clear()
        endings = [asyncio.ensure_future(channel.closing), asyncio.create_task(cancelled.wait())]
        try:
            await channel.basic_consume(self.lane.queue, self._arrived)
            self.subscribed = True
            endings.append(asyncio.create_task(self._claim_forever(channel)))
            await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
            for ending in endings:
                if ending.done() and not ending.cancelled() and ending.exception():
                    raise ConnectionError(str(ending.exception()))
        finally:
            self.subscribed = False
            for ending in endings:
                ending.cancel()
            await asyncio.gather(*endings, return_exceptions=True)
            if not channel.is_closed:
                await channel.close()

    async def _arrived(self, message: DeliveredMessage) -> None:
        # One task per delivery: whoever appends before any await keeps the order of the delivery tags.
        headers: dict[str, Any] = message.header.properties.headers or {}
        self._deliveries.append(
            Delivery(
                tag=message.delivery_tag or 0,
                body=message.body,
                deaths=_count(headers.get("vrs-death")),
                deliveries=_count(headers.get("x-delivery-count")),
            )
        )
        self._ready.set()

    async def _claim_forever(self, channel: Channel) -> None:
        while True:
            while not self._deliveries:
                self._ready.clear()
                await self._ready.wait()
            while self.lane.room <= 0:
                self.lane.freed.clear()
                await self.lane.freed.wait()
            group = self._next_group()
            await self._claim(group)
            await channel.basic_ack(group[-1].tag, multiple=True, wait=False)

    def _next_group(self) -> list[Delivery]:
        group: list[Delivery] = []
        while self._deliveries and len(group) < min(LARGEST_GROUP, self.lane.room):
            if self._deliveries[0].deliveries >= SUSPICIOUS_DELIVERIES:
                return group or [self._deliveries.popleft()]
            group.append(self._deliveries.popleft())
        return group

    async def _claim(self, group: list[Delivery]) -> None:
        """Claim the group; without a database wait for it, consuming nothing; split it on a data error."""
        for delivery in group:
            self._read(delivery)
        pause = FIRST_PAUSE
        while True:
            try:
                await self._claim_once(group)
            except (*DATABASE_ERRORS, ValueError, TypeError) as error:
                reason = str(error).splitlines()[0]
                if is_data_error(error):
                    await self._split(group, reason)
                    return
                log.warning("claim is repeated", consumer=self.lane.queue, error=reason, next_try_in=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                return

    async def _split(self, group: list[Delivery], reason: str) -> None:
        if len(group) > 1:
            for delivery in group:
                await self._claim([delivery])
            return
        delivery = group[0]
        if delivery.event is None:
            raise RuntimeError(f"a refused message cannot be written down: {reason}")
        problems = [f"the database refuses it: {reason}"]
        delivery.error = ContractError(
            Refusal.INVALID, problems, event_id=delivery.event.id, project_id=delivery.event.subject
        )
        delivery.event = None
        await self._claim([delivery])

    def _read(self, delivery: Delivery) -> None:
        if delivery.event is None and delivery.error is None:
            try:
                delivery.event = decode(delivery.body, self.lane.consumer.event)
            except ContractError as error:
                delivery.error = error

    async def _claim_once(self, group: list[Delivery]) -> None:
        legible = {delivery.event.id: delivery for delivery in group if delivery.event is not None}
        for delivery in group:  # of two copies in one group the replay counts
            if delivery.event is not None and delivery.deaths > legible[delivery.event.id].deaths:
                legible[delivery.event.id] = delivery
        events = {event_id: delivery.event for event_id, delivery in legible.items() if delivery.event is not None}
        refused = [self._refused(delivery, delivery.error) for delivery in group if delivery.error is not None]
        async with self.database.engine.begin() as connection:
            await self._prepare(connection, list(events.values()))
            rows = (
                await claim(
                    connection,
                    consumer=self.lane.queue,
                    undoes=self.lane.consumer.event is ProjectCancelled,
                    lease=self.actor.committer.lease,
                    lifetime=self.lane.consumer.deadline.total_seconds(),
                    deliveries=[
                        (event_id, events[event_id].subject, delivery.body, delivery.deaths)
                        for event_id, delivery in legible.items()
                    ],
                )
                if legible
                else []
            )
            facts = await project_facts(connection, [row.project_id for row in rows if row.project_id])
            messages = await refuse(connection, self.broker.service.name, self.lane, refused) if refused else []
        self.speaker.say(messages)
        self.actor.start(self.lane, rows, facts, events)

    async def _prepare(self, connection: Any, events: list[CloudEvent[Event]]) -> None:
        """What must stand before the claim, under the projects' locks: the project, or its cancellation mark."""
        ordered = [(event.subject, event.data.slug) for event in events if isinstance(event.data, ProjectOrdered)]
        if ordered and self.lane.consumer.introduces_project:
            await introduce(connection, ordered)
        cancelled = [(event.subject, event.data) for event in events if isinstance(event.data, ProjectCancelled)]
        if cancelled:
            await mark_cancelled(connection, cancelled)

    def _refused(self, delivery: Delivery, error: ContractError) -> Refused:
        derived = uuid5(NAMESPACE_URL, f"{self.lane.queue}/{hashlib.sha256(delivery.body).hexdigest()}")
        return Refused(error.event_id or derived, error.project_id, delivery.body, delivery.deaths, error)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0
