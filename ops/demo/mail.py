"""The demo shows how mail is made possible under the domain of a live project."""

from rich.console import Console

from contracts import MailDomainRequested, ServiceName
from ops.demo.follow import follow
from ops.mail_domains import ask_for_mail
from ops.system import System
from shared.hosts import as_shown
from shared.messaging.topology import queue_name
from shared.orders import Order

_CONNECT = queue_name(ServiceName.DNS, MailDomainRequested)


async def show_mail(console: Console, system: System, order: Order) -> bool:
    """Ask for mail under the order's own domain, and tell what happens; False if it is not possible in time."""
    if system.simulators.brevo is None:
        return True  # nobody's account is touched by a demo
    domain = order.data.fqdn
    wish = MailDomainRequested(domain=domain, mx=False, requested_by="vrs demo")
    console.print(f"\n{order.data.slug}  mail is to be sent under {as_shown(domain)}", style="bold")
    await ask_for_mail(system.database, system.stack.amqp_url, order.subject, wish)
    return await follow(console, system, order, _CONNECT)
