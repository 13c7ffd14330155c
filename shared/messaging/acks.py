"""Acks for what is claimed, several in one: each is a command that the quorum queue writes to its log."""

import asyncio
from collections.abc import Sequence

from aiormq.channel import Channel

from shared.crash_points import CrashPoint, reached
from shared.messaging.delivery import Delivery

ACK_WITHIN = 0.05
"""Seconds that an ack waits for others. What a crash leaves without one comes again, and is a duplicate."""


class Acks:
    """The acks of one channel, on which deliveries are claimed in their order; at once if `most` of them wait."""

    def __init__(self, channel: Channel, most: int) -> None:
        self.channel = channel
        self.most = most
        self._waiting: list[Delivery] = []
        self._due = 0.0

    async def claimed(self, group: Sequence[Delivery]) -> None:
        """From now on each of `group` is the database's."""
        now = asyncio.get_running_loop().time()
        if not self._waiting:
            self._due = now + ACK_WITHIN
        self._waiting += group
        if len(self._waiting) >= self.most or now >= self._due:
            await self.ack()

    async def until(self, event: asyncio.Event) -> None:
        """Wait for `event`, or else until an ack is due, and send it."""
        try:
            async with asyncio.timeout_at(self._due if self._waiting else None):
                await event.wait()
        except TimeoutError:
            await self.ack()

    async def ack(self) -> None:
        """Ack what was claimed since the last time."""
        if not self._waiting:
            return
        group, self._waiting = self._waiting, []
        reached(CrashPoint.BEFORE_ACK, group)
        for delivery in group:
            if not delivery.claimed:  # the broker moves it to the dead letters: nothing is lost
                await self.channel.basic_reject(delivery.tag, requeue=False, wait=False)
        claimed = [delivery.tag for delivery in group if delivery.claimed]
        if claimed:
            await self.channel.basic_ack(claimed[-1], multiple=True, wait=False)
        reached(CrashPoint.ACKED, group)
