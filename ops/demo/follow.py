"""What follows for a project that is live: one more thing is asked for, and its story is told as it happens."""

import asyncio
import time

from rich.console import Console

from ops.story import log_rows
from ops.system import System
from shared.models import LogStatus
from shared.orders import Order

DEADLINE = 60.0


async def follow(console: Console, system: System, order: Order, *consumers: str) -> bool:
    """Tell what these consumers do until the last of them is done with the project; False if that is late.

    None of them has acted for the project before.

    Raises:
        CommandError: a service has ended.

    """
    began, last = time.monotonic(), 0
    while time.monotonic() - began < DEADLINE:
        for row in await log_rows(system.database.engine, [order.subject], after=last):
            last = row.id
            if row.consumer in consumers:
                seconds = f"{time.monotonic() - began:6.2f} s"
                told = f"{seconds}  {row.service} {row.status.value}: {row.message}"
                console.print(told, highlight=False, soft_wrap=True)
                if (row.consumer, row.status) == (consumers[-1], LogStatus.COMPLETED):
                    return True
        system.check()
        await asyncio.sleep(0.2)
    late = f"{consumers[-1]} is not done with {order.data.slug} in {DEADLINE:g} s; see {system.logs}"
    console.print(late, style="red", highlight=False)
    return False
