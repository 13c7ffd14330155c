"""How long a loop that works in groups waits for its next group to grow."""

import asyncio
import time

PER_MEMBER = 0.00025
LONGEST = 0.02
"""Seconds. At the rate of 1 / `PER_MEMBER` groups grow until they are full, far below it nobody waits for anybody."""


class Pace:
    """A moment for each member of the last group: under load many share a commit, alone an event goes at once."""

    def __init__(self, full: int) -> None:
        self.full = full
        self._until = 0.0

    def ended(self, members: int) -> None:
        """A group of so many is through."""
        self._until = time.monotonic() + min(members * PER_MEMBER, LONGEST)

    async def wait(self, members: int) -> None:
        """Wait as long as is due, unless there are enough for a full group."""
        seconds = self._until - time.monotonic()
        if seconds > 0 and members < self.full:
            await asyncio.sleep(seconds)
