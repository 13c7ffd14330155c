"""Makes a queue anew with other arguments, by way of a second queue that holds its messages meanwhile.

RabbitMQ cannot change a queue's arguments. Where a migration stands is told by the broker alone: whether the queue
has the old arguments, and whether the second queue is there. So whoever goes on after a crash does what is left.
Order, headers and routing keys are kept; the broker counts deliveries anew.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from aiormq.abc import AbstractConnection
from aiormq.exceptions import ChannelPreconditionFailed

from contracts import EVENTS, EVENTS_EXCHANGE
from ops.failure import CommandError
from ops.topology.expected import MIGRATING, holds_dead_letters
from ops.topology.move import Target, contents, drain
from ops.topology.real import channel_of, counts, look
from shared.messaging.topology import (
    DEAD_DELIVERY_LIMIT,
    DEAD_EXCHANGE,
    TO_EXCHANGE,
    Queue,
    declare,
)

SETTLE = 1.0
MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Migration:
    """The migration of one queue. `say` hears each thing that was done, as a line.

    `settle` seconds are waited for what was routed before a binding was taken away.
    """

    connection: AbstractConnection
    queue: Queue
    say: Callable[[str], None]
    settle: float = SETTLE

    async def plan(self) -> list[str]:
        """Say what `run` would do, a line each; nothing for a queue that is as it should be."""
        lines = []
        real = await look(self.connection, self.queue)
        name, second = self.queue.name, self._second.name
        if real is not None and real.differences:
            lines.append(f"{name}: {'; '.join(real.differences)}")
            if real.consumers:
                lines.append(f"  refused while it is consumed or looked into: {real.consumers}")
            lines.append(f"  {real.ready} messages would go to {second}; {name} would be deleted and made anew")
        waiting = await counts(self.connection, second)
        if waiting is not None:
            lines.append(f"{name}: a migration was interrupted, {waiting.message_count} messages wait in {second}")
        if lines:
            lines.append(f"  then all would go from {second} to {name}, and {second} would be deleted")
        return lines

    async def run(self) -> bool:
        """Migrate the queue if it has other arguments or was being migrated; return whether there was anything to do.

        Raises:
            CommandError: somebody consumes the queue, or made it anew with the old arguments. Nothing is lost: all
                messages are in the queue or in the second one, and the next call goes on.
            aiormq.exceptions.AMQPError, ConnectionError: the broker went away; as above.

        """
        real = await look(self.connection, self.queue)
        if real is not None and real.differences:
            self.say(f"{self.queue.name}: {'; '.join(real.differences)}")
            await self._leave()
        elif await counts(self.connection, self._second.name) is None:
            return False
        await self._come_back()
        return True

    @property
    def _second(self) -> Queue:
        arguments = (("x-queue-type", "quorum"), ("x-delivery-limit", DEAD_DELIVERY_LIMIT))
        return Queue(self.queue.name + MIGRATING, arguments, self.queue.bindings)

    @property
    def _dead(self) -> bool:
        return holds_dead_letters(self.queue)

    async def _leave(self) -> None:
        """Move everything to the second queue and delete the first."""
        await self._refuse_consumers(self.queue.name)
        await self._rebind(self.queue, self._second)
        held = await contents(self.connection, self._second.name)
        await self._empty(self.queue.name, Target("", self._second.name), held)
        await self._delete(self.queue.name)

    async def _come_back(self) -> None:
        """Make the queue anew and move everything back."""
        await self._rebind(self._second, self.queue)
        # A working queue is being consumed by now: what an interrupted move said twice, the inbox takes once.
        held = await contents(self.connection, self.queue.name) if self._dead else Counter[bytes]()
        home = Target(DEAD_EXCHANGE, None) if self._dead else Target(TO_EXCHANGE, self.queue.name)
        await self._empty(self._second.name, home, held)
        await self._delete(self._second.name)

    async def _rebind(self, old: Queue, new: Queue) -> None:
        """Have messages routed to `new` from now on.

        An event must have a queue at every moment: another consumer's queue would take it, and nobody would miss it.
        So both are bound for a moment. A dead letter must not be in two queues; with none bound, the broker returns
        it, and it waits in the outbox (or, dead-lettered by the broker, in its own queue).
        """
        if self._dead:
            await self._unbind(old)
            await self._declare(new)
        else:
            await self._declare(new)
            await self._unbind(old)

    async def _declare(self, queue: Queue) -> None:
        async with channel_of(self.connection) as channel:
            try:
                await declare(channel, [queue])
            except ChannelPreconditionFailed as error:
                raise CommandError(
                    f"{queue.name} was made anew with other arguments by a service of an older version: stop it, and "
                    f"say `vrs topology migrate` again; nothing is lost ({error})"
                ) from error

    async def _unbind(self, queue: Queue) -> None:
        """Take away the expected bindings, and those that an older version may have made."""
        if await counts(self.connection, queue.name) is None:
            return
        older = [] if self._dead else [(EVENTS_EXCHANGE, event.routing_key()) for event in EVENTS.values()]
        async with channel_of(self.connection) as channel:
            await declare(channel, [])
            for exchange, key in {*queue.bindings, *older}:
                await channel.queue_unbind(queue.name, exchange, key)

    async def _empty(self, name: str, target: Target, held: Counter[bytes]) -> None:
        for _ in range(MOST_ROUNDS):
            moved = await drain(self.connection, name, target, held, settle=self.settle)
            self.say(f"{name}: {moved} messages moved to {self.queue.name if target.home else target.key}")
            await self._refuse_consumers(name)
            left = await counts(self.connection, name)
            if left is None or not left.message_count:
                return
        raise CommandError(f"{name} does not become empty: who publishes to it? Nothing is lost; say it again later")

    async def _refuse_consumers(self, name: str) -> None:
        """Deleting a queue destroys what is unacked. A quorum queue counts who holds a peeked message as a consumer."""
        counted = await counts(self.connection, name)
        if counted is not None and counted.consumer_count:
            service = name.partition(".")[0]
            raise CommandError(
                f"{name} is consumed or looked into: {counted.consumer_count}. Stop every {service} of the older "
                "version and close every desk, then say `vrs topology migrate` again; nothing is lost"
            )

    async def _delete(self, name: str) -> None:
        # RabbitMQ refuses if-empty and if-unused for quorum queues: `_empty` has looked a moment ago.
        async with channel_of(self.connection) as channel:
            await channel.queue_delete(name)
        self.say(f"{name}: deleted")
