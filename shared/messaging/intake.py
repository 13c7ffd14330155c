"""Takes deliveries of one queue in groups: read, claimed into the waiting room in one commit, then acked.

From the ack on a step belongs to the database. A channel is never restored: when it closes, what was not claimed is
dropped (the broker delivers it again) and everything begins anew.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from uuid import UUID, uuid4

import structlog
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelClosed

from contracts import CloudEvent, ContractError, Event, ProjectCancelled, ProjectOrdered, decode
from contracts.cloud_event import Refusal
from shared.crash_points import CrashPoint, reached
from shared.database import Database
from shared.messaging.acks import Acks
from shared.messaging.act import Actor, Lane
from shared.messaging.broker import CLOSE_TIMEOUT, CONNECTION_ERRORS, ServiceBroker, is_cancelled
from shared.messaging.cancellation import introduce, mark_cancelled, promise
from shared.messaging.claim import Claim, claim
from shared.messaging.delivery import Delivery, delivery_of
from shared.messaging.given import StepRow
from shared.messaging.pace import Pace
from shared.messaging.refuse import Refused, refuse
from shared.messaging.say import Speaker
from shared.messaging.supersede import remember
from shared.messaging.topology import consumer_queue
from shared.messaging.trouble import Pause, passes, reason_of
from shared.messaging.unreadable import derived_id
from shared.metrics import KERNEL
from shared.transaction import Transaction, begin, each_alone

log = structlog.get_logger(__name__)

LARGEST_GROUP = 128
SUSPICIOUS_DELIVERIES = 5
"""From this delivery on a message is claimed alone: it may be what keeps killing its group."""

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0


class Intake:
    """Consumes one queue. `subscribed` is whether deliveries can reach us now, `refused` why RabbitMQ lets us not."""

    def __init__(self, lane: Lane, actor: Actor, database: Database, broker: ServiceBroker, speaker: Speaker) -> None:
        self.lane = lane
        self.actor = actor
        self.database = database
        self.broker = broker
        self.speaker = speaker
        self.subscribed = False
        self.refused: str | None = None
        self._deliveries: deque[Delivery] = deque()
        self._ready = asyncio.Event()
        self._pace = Pace(full=LARGEST_GROUP)

    async def run(self) -> None:
        """Consume, for ever; begin anew whenever the channel is gone."""
        pause = Pause(FIRST_PAUSE, LONGEST_PAUSE)
        declared = self.broker.declared
        while True:
            try:
                await self._consume(pause, declared=declared)
            except Exception as error:
                if is_cancelled():  # it was closed for that
                    raise asyncio.CancelledError from error
                # A bare Exception is what aiormq gives whoever waits when it closes a connection without a reason.
                if not isinstance(error, CONNECTION_ERRORS) and type(error) is not Exception:
                    raise
                self.refused = reason_of(error) if isinstance(error, ChannelClosed) else None
                log.warning("not subscribed", consumer=self.lane.queue, error=reason_of(error))
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
                log.warning("not subscribed", consumer=self.lane.queue, error="the connection was lost")
            declared = False
            await pause.wait()

    async def _consume(self, pause: Pause, *, declared: bool) -> None:
        """Subscribe and claim until the channel closes, the broker cancels the consumer, or we are stopped."""
        if not declared:
            await self.broker.declare(consumer_queue(self.broker.service.name, self.lane.consumer.event))
        channel = await self.broker.open_channel(prefetch=2 * self.lane.consumer.concurrency)
        cancelled = asyncio.Event()
        channel.on_consumer_cancel_callbacks.add(lambda _: cancelled.set())
        self._deliveries.clear()
        acks = Acks(channel, most=self.lane.consumer.concurrency // 2)
        endings = [asyncio.ensure_future(channel.closing), asyncio.create_task(cancelled.wait())]
        try:
            await channel.basic_consume(self.lane.queue, self._arrived)
            self.subscribed, self.refused = True, None
            pause.reset()
            endings.append(asyncio.create_task(self._claim_forever(acks)))
            await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
            if len(endings) > 2 and endings[2].done():  # noqa: PLR2004 - the claim loop only ends by an error
                endings[2].result()
        finally:
            self.subscribed = False
            for ending in endings:
                ending.cancel()
            await asyncio.gather(*endings, return_exceptions=True)
            if not channel.is_closed:
                with suppress(*CONNECTION_ERRORS):
                    async with asyncio.timeout(CLOSE_TIMEOUT):
                        await acks.ack()
                with suppress(*CONNECTION_ERRORS):
                    await channel.close(timeout=CLOSE_TIMEOUT)

    async def _arrived(self, message: DeliveredMessage) -> None:
        # One task per delivery: whoever appends before any await keeps the order of the delivery tags.
        self._deliveries.append(delivery_of(message))
        self._ready.set()
        reached(CrashPoint.DELIVERED, [self._deliveries[-1]])

    async def _claim_forever(self, acks: Acks) -> None:
        while True:
            while not self._deliveries:
                self._ready.clear()
                await acks.until(self._ready)
            await self._pace.wait(len(self._deliveries))
            while self.lane.room_for_new <= 0:
                self.lane.freed.clear()
                await acks.until(self.lane.freed)
            group = self._next_group()
            await self._claim(group)
            await acks.claimed(group)
            self._pace.ended(len(group))

    def _next_group(self) -> list[Delivery]:
        group: list[Delivery] = []
        while self._deliveries and len(group) < min(LARGEST_GROUP, self.lane.room_for_new):
            if self._deliveries[0].deliveries >= SUSPICIOUS_DELIVERIES:
                return group or [self._deliveries.popleft()]
            group.append(self._deliveries.popleft())
        return group

    async def _claim(self, group: list[Delivery]) -> None:
        """Claim the group; without a database wait for it, consuming nothing; split it on a data error."""
        for delivery in group:
            self._read(delivery)
        pause = Pause(FIRST_PAUSE, LONGEST_PAUSE)
        name, again = uuid4(), False
        while True:
            try:
                await self._claim_once(group, name, again=again)
            except Exception as error:  # noqa: BLE001 - whatever a message does, its neighbours go on
                if not passes(error):
                    await self._split(group, error)
                    return
                log.warning("claim is repeated", consumer=self.lane.queue, error=reason_of(error))
                again = True
                await pause.wait()
            else:
                return

    async def _split(self, group: list[Delivery], error: Exception) -> None:
        if len(group) > 1:
            for delivery in group:
                await self._claim([delivery])
            return
        delivery = group[0]
        if delivery.event is None:
            log.critical("a message can be neither claimed nor refused", consumer=self.lane.queue, exc_info=error)
            delivery.claimed = False
            return
        problems = [f"it cannot be claimed: {reason_of(error)}"]
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

    async def _claim_once(self, group: list[Delivery], name: UUID, *, again: bool) -> None:
        """`name` is the claim's; `again`: an earlier call has failed, or only its answer was lost."""
        legible = {delivery.event.id: delivery for delivery in group if delivery.event is not None}
        for delivery in group:  # of two copies in one group the replay counts
            if delivery.event is not None and delivery.deaths > legible[delivery.event.id].deaths:
                legible[delivery.event.id] = delivery
        events = {event_id: delivery.event for event_id, delivery in legible.items() if delivery.event is not None}
        refused = [self._refused(delivery, delivery.error) for delivery in group if delivery.error is not None]
        consumer = self.lane.consumer
        claiming = Claim(
            id=name,
            consumer=self.lane.queue,
            despite_cancellation=consumer.event is ProjectCancelled or consumer.despite_cancellation,
            lease=self.actor.committer.lease,
            lifetime=consumer.deadline.total_seconds(),
            deliveries=[
                (event_id, events[event_id].subject, delivery.body, delivery.deaths)
                for event_id, delivery in legible.items()
            ],
        )
        since = time.monotonic()
        async with (each_alone if self._is_usual(group) else begin)(self.database) as transaction:
            await self._prepare(transaction, list(events.values()))
            rows = await claim(transaction, claiming, again=again) if legible else []
            rows = await self._remember_originals(transaction, rows, legible)
            begun_anew = [row.project_id for row in rows if row.project_id and (row.attempt > 1 or row.supersedes)]
            if begun_anew and consumer.due:
                await promise(transaction.connection, begun_anew, consumer.due)
            messages = await refuse(transaction, self.broker.service.name, self.lane, refused) if refused else []
        reached(CrashPoint.CLAIM_COMMITTED, group)
        KERNEL.group(self.broker.service.name, "claim", len(group))
        self.speaker.say(messages)
        self.actor.start(self.lane, rows, events, since=since)

    def _is_usual(self, group: list[Delivery]) -> bool:
        """Whether the claim is all there is to do: its statements need no common transaction.

        A project that an order introduces may stand without a claimed step; the order comes again.
        """
        return self.lane.consumer.event is not ProjectCancelled and all(
            delivery.error is None and not delivery.deaths and delivery.supersedes is None for delivery in group
        )

    async def _remember_originals(
        self, transaction: Transaction, rows: list[StepRow], legible: Mapping[UUID, Delivery]
    ) -> list[StepRow]:
        """Note which of the claimed are edited copies, and of what."""
        copies = {row.event_id: original for row in rows if (original := legible[row.event_id].supersedes) is not None}
        if not copies:
            return rows
        await remember(transaction.connection, self.lane.queue, list(copies.items()))
        return [replace(row, supersedes=copies.get(row.event_id, row.supersedes)) for row in rows]

    async def _prepare(self, transaction: Transaction, events: list[CloudEvent[Event]]) -> None:
        """What must stand before the claim, under the projects' locks: the project, or its cancellation mark."""
        ordered = [(event.subject, event.data.slug) for event in events if isinstance(event.data, ProjectOrdered)]
        if ordered and self.lane.consumer.introduces_project:
            await introduce(transaction, ordered, due=self.lane.consumer.due)
        cancelled = [(event.subject, event.data) for event in events if isinstance(event.data, ProjectCancelled)]
        if cancelled:
            await mark_cancelled(transaction, cancelled)

    def _refused(self, delivery: Delivery, error: ContractError) -> Refused:
        event_id = error.event_id or derived_id(self.lane.queue, delivery.body)
        return Refused(event_id, error.project_id, delivery.body, delivery.deaths, error)
