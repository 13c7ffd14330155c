"""The demo's last act: a domain comes from another registrar to a project that is live, with its mail."""

import asyncio
import time

import httpx
from pydantic import SecretStr
from rich.console import Console

from contracts import DomainTransferRequested, Registrant, ServiceName
from ops.story import log_rows
from ops.system import System
from shared.hosts import as_shown
from shared.messaging.topology import queue_name
from shared.models import LogStatus
from shared.orders import Order
from shared.seal import Seal
from shared.transaction import begin
from shared.transfers import TransferRequest, ask_for_transfer

SECONDS = 2.0
"""How long the simulated registry and the losing registrar take; real ones take days."""

DEADLINE = 60.0

AUTH_CODE = "demo-4711"
MAIL = (
    {"name": "@", "type": "MX", "content": "mail.provider.example", "prio": 10},
    {"name": "@", "type": "TXT", "content": "v=spf1 mx -all"},
    {"name": "_dmarc", "type": "TXT", "content": "v=DMARC1; p=none"},
)
OWNER = Registrant(
    name="Anna Beispiel",
    street="Hauptstraße 1",
    postal_code="10115",
    city="Berlin",
    country="DE",
    phone="+49.301234567",
    email="anna@example.org",
)

_TRANSFER = queue_name(ServiceName.DNS, DomainTransferRequested)


async def show_move(console: Console, system: System, order: Order) -> bool:
    """Have a domain of the order's customer transferred, and tell what happens; False if it has not come in time."""
    inwx = system.simulators.inwx
    if inwx is None:
        return True  # a demo spends no money
    domain = f"umzug-{order.data.slug}.example"
    async with httpx.AsyncClient() as http:
        held = {"zone": domain, "records": MAIL, "auth_code": AUTH_CODE}
        wanted = {"elsewhere": held, "transfer_seconds": SECONDS}
        (await http.post(inwx.control_url, json=wanted)).raise_for_status()
    request = TransferRequest(domain=domain, auth_code=SecretStr(AUTH_CODE), registrant=OWNER, max_cents=1500)
    async with begin(system.database) as transaction:
        await ask_for_transfer(transaction, order.subject, request, Seal(system.market.transfer_key), by="vrs demo")
    console.print(f"\n{order.data.slug}  {as_shown(domain)} comes from another registrar", style="bold")
    began, last = time.monotonic(), 0
    while time.monotonic() - began < DEADLINE:
        for row in await log_rows(system.database.engine, [order.subject], after=last):
            last = row.id
            if row.consumer == _TRANSFER:
                seconds = f"{time.monotonic() - began:6.2f} s"
                console.print(f"{seconds}  dns {row.status.value}: {row.message}", highlight=False, soft_wrap=True)
                if row.status is LogStatus.COMPLETED:
                    return True
        system.check()
        await asyncio.sleep(0.2)
    console.print(f"{domain} has not come in {DEADLINE:g} s; see {system.logs}", style="red", highlight=False)
    return False
