"""A service with handlers that a test sets, on real RabbitMQ and PostgreSQL, and the means to look at everything."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import aiormq
from pamqp import commands as spec
from sqlalchemy import text

from contracts import (
    CONTENT_TYPE,
    CloudEvent,
    Contact,
    DnsConfigured,
    DnsRecord,
    Locale,
    ProjectCancelled,
    ProjectOrdered,
    RecordType,
    ServiceName,
    TargetServer,
)
from shared.database import Database
from shared.messaging.runtime import Runtime, running
from shared.messaging.topology import declare, queues_of
from shared.models import ProjectOrder, ProvisioningState
from shared.outcome import Done, Outcome
from shared.service import Consumer, Service
from shared.step import Step
from shared.writes import Upsert, Write

ORDERED = "dns.project-ordered"
CANCELLED = "dns.project-cancelled"
DEAD = "dns.dead"
NEXT = "deploy.dns-configured"


def order(project_id: UUID | None = None, slug: str | None = None) -> CloudEvent[ProjectOrdered]:
    """A new ProjectOrdered."""
    data = ProjectOrdered(
        slug=slug or f"p-{uuid4().hex[:12]}",
        base_domain="vrs.example",
        plan="small",
        customer=Contact(name="Erika Muster", email="erika@kunde-mit-domain.example"),
    )
    return CloudEvent.of(data, source="marketplace", project_id=project_id or uuid4())


def cancellation(project_id: UUID) -> CloudEvent[ProjectCancelled]:
    """A new ProjectCancelled."""
    data = ProjectCancelled(reason="changed their mind", requested_by="case worker")
    return CloudEvent.of(data, source="marketplace", project_id=project_id)


def order_row(event: ProjectOrdered, step: Step) -> Write:
    """What makes the project known to every other step."""
    return Upsert(
        ProjectOrder(
            project_id=step.project_id,
            correlation_id=step.correlation_id,
            slug=event.slug,
            fqdn=event.fqdn,
            base_domain=event.base_domain,
            project_type=event.project_type,
            plan=event.plan,
            plugins=[],
            locale=Locale.DE,
            customer_name="Erika Muster",
            customer_email="erika@kunde-mit-domain.example",
            ordered_at=step.opened_at,
        )
    )


def configured(event: ProjectOrdered) -> DnsConfigured:
    """The event that follows."""
    return DnsConfigured(
        fqdn=event.fqdn,
        records=(DnsRecord(name=event.fqdn, type=RecordType.A, content="203.0.113.10"),),
        server=TargetServer(id="srv1", name="tenants-1", region="fsn", ipv4="203.0.113.10"),
        placement_reason="the only one",
    )


async def configure(event: ProjectOrdered, step: Step) -> Outcome:
    """A handler that does all that is expected of it."""
    return Done(
        message="configured",
        events=(configured(event),),
        writes=(order_row(event, step),),
        state=ProvisioningState.DNS_CONFIGURED,
    )


async def release(event: ProjectCancelled, step: Step) -> Outcome:
    """An undo that has nothing to undo."""
    return Done(message="released")


@dataclass(frozen=True)
class Message:
    """A message as an integrator gets it."""

    body: bytes
    headers: dict[str, Any]
    properties: spec.Basic.Properties
    routing_key: str | None


@dataclass
class Harness:
    """A service under test. Change `handle` at any time; `handled` lists the project ids in the order of tries."""

    database: Database
    amqp_url: str
    channel: aiormq.abc.AbstractChannel
    handle: Callable[[Any, Step], Awaitable[Outcome]] = configure
    undo: Callable[[Any, Step], Awaitable[Outcome]] = release
    handled: list[UUID] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def service(self, *, listens_to_cancellations: bool = True) -> Service:
        """The service dns with this harness's handlers."""

        async def handler(event: Any, step: Step) -> Outcome:
            self.handled.append(step.project_id)
            return await self.handle(event, step)

        async def undo(event: Any, step: Step) -> Outcome:
            return await self.undo(event, step)

        ordered = Consumer(event=ProjectOrdered, handler=handler, introduces_project=True, needs_project=False)
        ordered = replace(ordered, **self.options)
        cancelled = Consumer(event=ProjectCancelled, handler=undo, needs_project=False)
        return Service(
            name=ServiceName.DNS,
            consumers=(ordered, cancelled) if listens_to_cancellations else (ordered,),
            publishes=(DnsConfigured,),
        )

    @asynccontextmanager
    async def running(self, *, lease: float = 30.0, **service: Any) -> AsyncIterator[Runtime]:
        """Run the service until the block ends."""
        async with running(self.service(**service), self.database, amqp_url=self.amqp_url, lease=lease) as runtime:
            await until(lambda: not runtime.not_ready)
            yield runtime

    async def publish(
        self,
        body: CloudEvent[Any] | bytes,
        *,
        routing_key: str = "project.ordered.v1",
        headers: dict[str, Any] | None = None,
    ) -> None:
        """Publish as an integrator would."""
        await self.channel.basic_publish(
            body if isinstance(body, bytes) else body.encode(),
            exchange="vrs.events",
            routing_key=routing_key if isinstance(body, bytes) else type(body.data).routing_key(),
            properties=spec.Basic.Properties(delivery_mode=2, content_type=CONTENT_TYPE, headers=headers or {}),
        )

    async def publish_before_start(self, event: CloudEvent[Any]) -> None:
        """Publish while the service is down; its queues are there."""
        await declare(self.channel, queues_of(self.service()))
        await self.publish(event)

    async def has(self, queue: str, messages: int) -> bool:
        """Whether `queue` holds exactly so many ready messages."""
        return await self.count(queue) == messages

    async def replay(self, body: bytes, headers: dict[str, Any], *, queue: str = ORDERED) -> None:
        """Send a message to one consumer."""
        properties = spec.Basic.Properties(delivery_mode=2, headers=headers)
        await self.channel.basic_publish(body, exchange="vrs.to", routing_key=queue, properties=properties)

    async def next_message(self, queue: str, *, within: float = 30.0) -> Message:
        """Take the next message from `queue`."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            message = await self.channel.basic_get(queue, no_ack=True)
            if isinstance(message.delivery, spec.Basic.GetOk):
                properties = message.header.properties
                return Message(message.body, dict(properties.headers or {}), properties, message.delivery.routing_key)
            await asyncio.sleep(0.02)
        raise AssertionError(f"no message in {queue} within {within} s")

    async def count(self, queue: str) -> int:
        """How many messages are ready in `queue`."""
        declared = await self.channel.queue_declare(queue, passive=True)
        return declared.message_count or 0

    async def sql(self, statement: str, **parameters: Any) -> list[Any]:
        """Run any statement."""
        async with self.database.autocommit.begin() as connection:
            result = await connection.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []

    async def log(self, project_id: UUID | None = None) -> list[Any]:
        """The log rows of a project, oldest first."""
        return await self.sql(
            "SELECT * FROM provisioning_log WHERE project_id IS NOT DISTINCT FROM :id ORDER BY id", id=project_id
        )

    async def statuses(self, project_id: UUID | None = None) -> list[str]:
        """What the log says of a project, oldest first."""
        return [row.status for row in await self.log(project_id)]

    async def wrote_about(self, project_id: UUID) -> bool:
        """Whether the log says anything of a project."""
        return bool(await self.statuses(project_id))

    async def state(self, project_id: UUID) -> str | None:
        """The project's provisioning state; None if there is no such project."""
        rows = await self.sql("SELECT provisioning_state FROM projects WHERE vrs_id = :id", id=project_id)
        return rows[0][0] if rows else None

    async def open_steps(self) -> list[Any]:
        """The waiting room."""
        return await self.sql("SELECT * FROM open_steps ORDER BY created_at")

    async def logged(self, project_id: UUID | None, *statuses: str, within: float = 30.0) -> None:
        """Wait until the project's log says exactly `statuses`."""

        async def says() -> bool:
            return await self.statuses(project_id) == list(statuses)

        try:
            await until(says, within=within)
        except TimeoutError:
            assert await self.statuses(project_id) == list(statuses)  # shows the difference


async def until(condition: Callable[[], Any], *, within: float = 30.0) -> None:
    """Poll until `condition` holds.

    Raises:
        TimeoutError: it did not.

    """
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within} s")
        await asyncio.sleep(0.02)
