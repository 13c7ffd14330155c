"""The example orders, over and over as far as needed."""

from itertools import islice
from pathlib import Path

import httpx

from ops.failure import CommandError
from ops.orders import read_order
from ops.vendors import INWX_ACCOUNT, Simulators
from shared.orders import Order, order_of


def example_orders(folder: Path, wanted: int | None) -> list[Order]:
    """Read the order files of `folder`, and make copies with slugs and own domains of their own up to `wanted`."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise CommandError(f"There are no orders in {folder}")
    examples = [read_order(file.read_bytes(), name=file.name) for file in files]
    rounds = range((wanted or len(examples)) // len(examples) + 1)
    return list(islice((_copy(order, nth) for nth in rounds for order in examples), wanted or len(examples)))


async def hold_own_domains(simulators: Simulators, orders: list[Order]) -> None:
    """Let the simulated INWX account hold the orders' own domains; a real account holds what it holds."""
    if simulators.inwx is None:
        return
    async with httpx.AsyncClient() as http:
        for order in orders:
            if order.data.own_domain is not None and order.data.registration is None:
                zone = {"account": INWX_ACCOUNT, "domain": order.data.own_domain}
                await http.post(simulators.inwx.control_url, json={"zone": zone})  # 422: it is held already


def without_purchases(simulators: Simulators, orders: list[Order]) -> list[Order]:
    """Leave out the orders that register a domain, unless INWX is simulated: a demo spends no money."""
    return [order for order in orders if order.data.registration is None or simulators.inwx is not None]


def _copy(order: Order, nth: int) -> Order:
    """The order itself, or its `nth` copy."""
    if nth == 0:
        return order
    data = order.data.model_dump() | {"slug": f"{order.data.slug}-{nth + 1}"}
    if order.data.own_domain is not None:
        label, _, rest = order.data.own_domain.partition(".")
        data["own_domain"] = f"{label}-{nth + 1}.{rest}"
    return order_of(data)
