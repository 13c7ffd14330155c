"""The demo's customer whose domain is held elsewhere: reads our mail and sets there what it asks for."""

from collections.abc import Sequence
from typing import Any

import httpx
from rich.console import Console
from sqlalchemy import Row

from contracts import DnsRecordsNeeded, ServiceName
from ops.demo.watch import Watched
from ops.vendors import Simulators
from shared.emitted import newest
from shared.messaging.topology import queue_name
from shared.models import LogStatus
from shared.orders import Order

MAIL = {"name": "@", "type": "MX", "content": "mail.provider.example", "prio": 10}
BEFORE = (MAIL, {"name": "@", "type": "A", "content": "192.0.2.80"})
"""What stands at the provider at first: mail, which stays, and an older website."""

_TOLD = queue_name(ServiceName.NOTIFY, DnsRecordsNeeded)


class Customer:
    """Acts for the customers of `orders`, at the simulated name servers of another provider."""

    def __init__(self, console: Console, simulators: Simulators, orders: Sequence[Order]) -> None:
        self._console = console
        self._simulators = simulators
        self._theirs = {order.subject: order for order in orders}

    async def hold_domains(self) -> None:
        """Let the domains be held elsewhere."""
        for order in self._theirs.values():
            await self._set(order, BEFORE)

    async def hear(self, news: Sequence[tuple[Watched, Row[Any]]]) -> None:
        """Read the mails that say which records to set, and set them; the order goes on by itself."""
        for watched, row in news:
            if row.consumer != _TOLD or row.status is not LogStatus.COMPLETED:
                continue
            needed = newest(DnsRecordsNeeded, [each.emitted for each in reversed(watched.rows)])
            if needed is None or watched.order.subject not in self._theirs:
                continue
            await self._show_mail(row)
            records = [{"name": each.name, "type": each.type, "content": each.content} for each in needed.data.records]
            await self._set(watched.order, (MAIL, *records))
            done = f"{watched.order.data.slug}  the customer sets these records; nobody has to tell us"
            self._console.print(done, style="bold", highlight=False, soft_wrap=True)

    async def _show_mail(self, row: Row[Any]) -> None:
        sent = {f"<{message_id}>" for message_id in row.detail.get("message_ids", ())}
        for mail in await self._simulators.mails():
            if mail["message_id"] in sent:
                self._console.print(f"\nTo: {', '.join(mail['to'])}", style="bold", highlight=False)
                shown = f"{mail['subject']}\n\n{mail['text']}"
                self._console.print(shown, highlight=False, markup=False, soft_wrap=True)

    async def _set(self, order: Order, records: Sequence[dict[str, Any]]) -> None:
        if self._simulators.inwx is None:
            return  # real name servers hold what they hold
        zone = {"zone": order.data.own_domain, "records": list(records)}
        async with httpx.AsyncClient() as http:
            (await http.post(self._simulators.inwx.control_url, json={"elsewhere": zone})).raise_for_status()
