"""The demo from the first process to the last word."""

import asyncio
import json
from dataclasses import dataclass

from rich.console import Console

from ops.demo.copies import example_orders, hold_own_domains, without_purchases
from ops.demo.move import show_move
from ops.demo.report import report
from ops.demo.show import Show
from ops.demo.watch import Watch
from ops.orders import place
from ops.places import ORDERS, new_log_folder
from ops.story import plain
from ops.system import System, running_system
from ops.vendors import Latencies
from shared.orders import order_of

LOOK_EVERY = 0.2


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the demo is to be played. `orders` None: each file once. `deadline` in seconds from the first order."""

    orders: int | None
    latencies: Latencies
    deadline: float
    as_json: bool


async def play(wishes: Wishes) -> bool:
    """Run the system, place the orders, show how they go live; return whether all did in time.

    Raises:
        CommandError: something did not start, or ended.

    """
    console = Console(stderr=wishes.as_json)
    orders = example_orders(ORDERS, wishes.orders)
    logs = new_log_folder()
    console.print(f"Starting the system; logs in {logs}", highlight=False, soft_wrap=True)
    async with running_system(logs, wishes.latencies) as system:
        await system.wait()
        orders = without_purchases(system.simulators, orders)
        await hold_own_domains(system.simulators, orders)
        now = [order_of(order.data.model_dump(), order.subject) for order in orders]  # ordered now, not while starting
        watch = Watch(system.database.engine, now)
        await place(system.database, now)
        with Show(console, watch) as show:
            await _until_over(system, watch, show, wishes.deadline)
        show.timelines()
        moved = True
        if watch.all_live and not wishes.as_json:
            moved = await show_move(console, system, next(each for each in now if each.data.base_domain))
        if wishes.as_json:
            print(json.dumps(report(watch, await system.simulators.mails()), default=plain))  # noqa: T201 - the result
    for watched in watch.orders.values():
        if not watched.is_done:
            stuck = f"{watched.order.data.slug} is not live: {watched.waits_for()}"
            console.print(stuck, style="red", highlight=False, soft_wrap=True)
    if watch.all_live:
        console.print(f"{len(orders)} orders are live after {watch.seconds:.1f} s.", highlight=False)
    else:
        console.print(f"See {logs}", highlight=False, soft_wrap=True)
    return watch.all_live and moved


async def _until_over(system: System, watch: Watch, show: Show, deadline: float) -> None:
    while True:
        show.update(await watch.look())
        if watch.is_over or watch.seconds > deadline:
            return
        system.check()
        await asyncio.sleep(LOOK_EVERY)
