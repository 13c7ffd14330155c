"""The four services with handlers that call nobody: what is left is the kernel as shipped."""

# ruff: noqa: ARG001 - handlers have one signature
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import uvloop

from benchmarks.throughput.amqp import entrance
from benchmarks.throughput.contender import Contender
from contracts import (
    AppDeployed,
    CoreHealthy,
    DnsConfigured,
    DnsRecord,
    Event,
    ProjectOrdered,
    RecordType,
    ServiceName,
    TargetServer,
)
from shared.messaging.run import run
from shared.models import ProvisioningState
from shared.outcome import Done, Outcome
from shared.service import Build, Consumer, Handler, Service
from shared.step import Step

SERVER = TargetServer.model_validate(
    {"id": "srv0000000000000000000001", "name": "srv-1", "region": "fsn1", "ipv4": "203.0.113.10"}
)
CONCURRENCY = 256


async def configure(order: ProjectOrdered, step: Step) -> Outcome:
    """Do what dns does, without INWX."""
    record = DnsRecord(name=order.fqdn, type=RecordType.A, content=str(SERVER.ipv4))
    event = DnsConfigured(fqdn=order.fqdn, records=(record,), server=SERVER, placement_reason="the only one")
    return Done(message="the records are visible", events=(event,), state=ProvisioningState.DNS_CONFIGURED)


async def deploy(event: DnsConfigured, step: Step) -> Outcome:
    """Do what deploy does, without Coolify."""
    deployed = AppDeployed.model_validate(
        {
            "fqdn": event.fqdn,
            "url": f"https://{event.fqdn}",
            "server": event.server,
            "application": "app0000000000000000000001",
            "deployment": "dep0000000000000000000001",
            "image": "ghcr.io/vrs/vrs-core",
            "tag": "1.0.0",
        }
    )
    return Done(message="the app runs", events=(deployed,), state=ProvisioningState.APP_DEPLOYED)


async def boot(event: AppDeployed, step: Step) -> Outcome:
    """Do what bootstrap does, without vrs-core."""
    healthy = CoreHealthy(fqdn=event.fqdn, url=event.url, core_version="1.0.0", plugins=())
    return Done(message="vrs-core is healthy", events=(healthy,), state=ProvisioningState.LIVE)


async def tell(event: CoreHealthy, step: Step) -> Outcome:
    """Do what notify does, without a mail server."""
    return Done(message="the customer was told")


def _build(name: ServiceName, event: type[Event], handler: Handler, *publishes: type[Event]) -> Build:
    consumer = Consumer(
        event=event, handler=handler, concurrency=CONCURRENCY, next_due=timedelta(minutes=5) if publishes else None
    )

    @asynccontextmanager
    async def build() -> AsyncIterator[Service]:
        yield Service(name=name, consumers=(consumer,), publishes=publishes)

    return build


BUILDS: dict[ServiceName, Build] = {
    ServiceName.DNS: _build(ServiceName.DNS, ProjectOrdered, configure, DnsConfigured),
    ServiceName.DEPLOY: _build(ServiceName.DEPLOY, DnsConfigured, deploy, AppDeployed),
    ServiceName.BOOTSTRAP: _build(ServiceName.BOOTSTRAP, AppDeployed, boot, CoreHealthy),
    ServiceName.NOTIFY: _build(ServiceName.NOTIFY, CoreHealthy, tell),
}


async def _together(names: tuple[ServiceName, ...]) -> None:
    await asyncio.gather(*(run(BUILDS[name]) for name in names))


def serve(*names: ServiceName) -> None:
    """Run these services in this process, as ``vrs run`` does."""
    uvloop.run(_together(names))


OURS = Contender("ours", tuple(partial(serve, name) for name in BUILDS), entrance)
ONE_PROCESS = Contender("ours-one-process", (partial(serve, *BUILDS),), entrance)
