"""The demo from the first process to the last word."""

import asyncio
import json
from dataclasses import dataclass

from rich.console import Console

from ops.demo.copies import example_orders, hold_own_domains, without_purchases
from ops.demo.customer import Customer
from ops.demo.mail import show_mail
from ops.demo.move import show_move
from ops.demo.report import report
from ops.demo.show import Show
from ops.demo.watch import Watch
from ops.orders import place
from ops.places import ELSEWHERE, ORDERS, new_log_folder
from ops.story import plain
from ops.system import System, running_system
from ops.vendors import Latencies
from shared.orders import Order, order_of

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
        elsewhere = example_orders(ELSEWHERE, None) if wishes.orders is None and system.simulators.inwx else []
        customer = Customer(console, system.simulators, elsewhere)
        await customer.hold_domains()
        ordered = [*orders, *elsewhere]
        now = [order_of(order.data.model_dump(), order.subject) for order in ordered]  # now, not while starting
        watch = Watch(system.database.engine, now)
        await place(system.database, now)
        with Show(console, watch) as show:
            await _until_over(system, watch, show, customer, wishes.deadline)
        show.timelines()
        followed = wishes.as_json or not watch.all_live or await _what_follows(console, system, now)
        if wishes.as_json:
            print(json.dumps(report(watch, await system.simulators.mails()), default=plain))  # noqa: T201 - the result
    for watched in watch.orders.values():
        if not watched.is_done:
            stuck = f"{watched.order.data.slug} is not live: {watched.waits_for()}"
            console.print(stuck, style="red", highlight=False, soft_wrap=True)
    if watch.all_live:
        console.print(f"{len(now)} orders are live after {watch.seconds:.1f} s.", highlight=False)
    else:
        console.print(f"See {logs}", highlight=False, soft_wrap=True)
    return watch.all_live and followed


async def _until_over(system: System, watch: Watch, show: Show, customer: Customer, deadline: float) -> None:
    while True:
        news = await watch.look()
        show.update(news)
        await customer.hear(news)
        if watch.is_over or watch.seconds > deadline:
            return
        system.check()
        await asyncio.sleep(LOOK_EVERY)


async def _what_follows(console: Console, system: System, orders: list[Order]) -> bool:
    """What live projects are given later: a domain from another registrar, mail under a domain of ours."""
    subdomain = next((each for each in orders if each.data.base_domain), None)
    own = next((each for each in orders if each.data.own_domain and not each.data.registration), None)
    moved = subdomain is None or await show_move(console, system, subdomain)
    return (own is None or await show_mail(console, system, own)) and moved
