"""The demo shows how a domain comes from another registrar to a project that is live, with its mail."""

import httpx
from pydantic import SecretStr
from rich.console import Console

from contracts import DomainAdded, DomainConnected, DomainTransferRequested, Registrant, RoutesChanged, ServiceName
from ops.demo.follow import follow
from ops.system import System
from shared.hosts import as_shown
from shared.messaging.topology import queue_name
from shared.orders import Order
from shared.seal import Seal
from shared.transaction import begin
from shared.transfers import TransferRequest, ask_for_transfer

SECONDS = 2.0
"""How long the simulated registry and the losing registrar take; real ones take days."""

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

_WAY = (
    queue_name(ServiceName.DNS, DomainTransferRequested),
    queue_name(ServiceName.DNS, DomainAdded),
    queue_name(ServiceName.DEPLOY, RoutesChanged),
    queue_name(ServiceName.DNS, DomainConnected),
)


async def show_move(console: Console, system: System, order: Order) -> bool:
    """Have a domain transferred, and tell how it comes and the project moves to it; False if that is not in time."""
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
    return await follow(console, system, order, *_WAY)
