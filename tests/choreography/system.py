"""The system from outside: services as their composition roots build them, real RabbitMQ, real PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import aiormq
from pamqp import commands as spec
from sqlalchemy import insert, text

from contracts import (
    CONTENT_TYPE,
    EVENTS,
    EVENTS_EXCHANGE,
    CloudEvent,
    CoreRetired,
    ProjectCancelled,
    ProvisioningFailed,
    ServiceName,
    decode,
)
from services.bootstrap import models as _bootstrap  # noqa: F401 - its tables join the metadata, as do the others'
from services.deploy import models as _deploy  # noqa: F401
from services.dns import models as _dns  # noqa: F401
from services.notify import models as _notify  # noqa: F401
from shared.database import Database
from shared.messaging.runtime import running
from shared.messaging.topology import TO_EXCHANGE, declare, queue_name
from shared.models import BaseDomain, Project, ProjectOrder, ProvisioningState, Server
from shared.service import Build
from tests.choreography.events import EventT, Story
from tests.choreography.facts import BASE_DOMAIN, SERVER
from tests.shared.messaging.harness import until

MARK = b"mark "


@dataclass(frozen=True)
class Letter:
    """A dead letter as an operator's tool sees it; `id` is its AMQP message id."""

    id: UUID
    body: bytes
    headers: dict[str, Any]


@dataclass
class System:
    """What a test needs of the bus and the database. `heard` is every event on the bus, oldest first."""

    database: Database
    amqp_url: str
    channel: aiormq.abc.AbstractChannel
    heard: list[CloudEvent[Any]] = field(default_factory=list)
    published: set[UUID] = field(default_factory=set)

    @asynccontextmanager
    async def running(self, *builds: Build) -> AsyncIterator[None]:
        """Run the services until the block ends."""
        async with AsyncExitStack() as stack:
            runtimes = []
            for build in builds:
                runtime = running(await stack.enter_async_context(build()), self.database, amqp_url=self.amqp_url)
                runtimes.append(await stack.enter_async_context(runtime))
            await until(lambda: not any(runtime.not_ready for runtime in runtimes))
            yield

    async def publish(self, *events: CloudEvent[Any]) -> None:
        """Publish as an integrator would."""
        for event in events:
            self.published.add(event.id)
            await self._send(EVENTS_EXCHANGE, event.data.routing_key(), event.encode(), {})

    async def replay(self, letter: Letter) -> None:
        """Send a dead letter back to the consumer it died in, with its headers, as a shovel does."""
        await self._send(TO_EXCHANGE, letter.headers["vrs-consumer"], letter.body, letter.headers)

    async def letter(self, service: str) -> Letter:
        """Take the next dead letter of `service`."""
        deadline = asyncio.get_running_loop().time() + 10
        while asyncio.get_running_loop().time() < deadline:
            message = await self.channel.basic_get(f"{service}.dead", no_ack=True)
            if isinstance(message.delivery, spec.Basic.GetOk) and not message.body.startswith(MARK):
                properties = message.header.properties
                return Letter(UUID(properties.message_id), message.body, dict(properties.headers or {}))
            await asyncio.sleep(0.02)
        raise AssertionError(f"no message in {service}.dead")

    async def dies(self, consumer: str, event: CloudEvent[Any], *before: str, code: str) -> Letter:
        """Wait until the step is dead, after `before`; return its dead letter, which says the same as the log."""
        row = (await self.logged(consumer, event, *before, "dead"))[-1]
        letter = await self.letter(consumer.partition(".")[0])
        assert letter.body == event.encode()
        assert letter.headers["vrs-consumer"] == consumer
        assert letter.headers["vrs-code"] == row.detail["code"] == code
        assert letter.headers["vrs-project"] == str(event.subject)
        assert (letter.headers["event-id"], letter.headers["type"]) == (str(event.id), event.type)
        assert letter.headers["vrs-reason"] == row.message[:500]
        return letter

    async def fails(self, consumer: str, event: CloudEvent[Any], *before: str, code: str, story: Story) -> Letter:
        """As `dies`, and the project's failure is told with the same code and the dead letter's id."""
        letter = await self.dies(consumer, event, *before, code=code)
        failed = await self.hears(ProvisioningFailed, story)
        assert (failed.data.reason_code, failed.causationid) == (code, event.id)
        assert failed.data.dead_letter_id == letter.id
        assert failed.data.step == consumer.partition(".")[0]
        assert await self.state(story) == ProvisioningState.FAILED
        return letter

    async def end(self, story: Story, service: ServiceName) -> None:
        """Have the project cancelled: really by `service`, which runs, and as if by the others."""
        await self.mark_cancelled(story, undone=ProjectCancelled.undone_by - {service})
        await self.publish(cancellation := story.cancelled())
        await self.logged(queue_name(service, ProjectCancelled), cancellation, "completed")
        await self.becomes(ProvisioningState.CANCELLED, story)

    async def mark_cancelled(self, story: Story, *, undone: Iterable[ServiceName]) -> None:
        """Mark the project as cancelled, with the parts of these services undone."""
        await self.sql(
            "INSERT INTO cancellations (project_id, reason, requested_by, undone) VALUES (:id, '', '', :undone)",
            id=story.project_id,
            undone=list(undone),
        )

    def said(self, contract: type[EventT], story: Story) -> list[CloudEvent[EventT]]:
        """What the services, not the test, have said of the project up to now."""
        return [
            event
            for event in self.heard
            if isinstance(event.data, contract) and event.subject == story.project_id and event.id not in self.published
        ]

    async def said_in_all(self, contract: type[EventT], story: Story) -> list[CloudEvent[EventT]]:
        """As `said`, once everything that is committed up to now has been published and heard."""

        async def is_silent() -> bool:
            return not await self.sql("SELECT 1 FROM outbox")

        await until(is_silent)
        last = Story().event(CoreRetired(fqdn=BASE_DOMAIN, was_healthy=False, reason="unheard"), ServiceName.BOOTSTRAP)
        await self.publish(last)
        await until(lambda: any(event.id == last.id for event in self.heard))
        return self.said(contract, story)

    async def hears(self, contract: type[EventT], story: Story) -> CloudEvent[EventT]:
        """Wait for the event; it must be the only one of its kind."""
        await until(lambda: self.said(contract, story))
        [event] = self.said(contract, story)
        return event

    async def log(self, consumer: str, event: CloudEvent[Any]) -> list[Any]:
        """What the log says of one step, oldest first."""
        rows = "SELECT * FROM provisioning_log WHERE consumer = :consumer AND event_id = :id ORDER BY id"
        return await self.sql(rows, consumer=consumer, id=event.id)

    async def logged(self, consumer: str, event: CloudEvent[Any], *statuses: str, hurried: bool = False) -> list[Any]:
        """Wait until the log says exactly `statuses` of the step, and return its rows.

        `hurried`: whatever waits is made due meanwhile, so that no backoff is sat out.
        """

        async def says() -> bool:
            steps = await self.open_steps(event)  # before the log: a try that ends meanwhile is not hurried again
            if [row.status for row in await self.log(consumer, event)] == list(statuses):
                return True
            for step in steps if hurried else ():
                await self.let_time_pass(event, token=step.token, due_at=step.due_at)
            return False

        try:
            await until(says)
        except TimeoutError:
            found = [f"\n{row.status}: {row.message}" for row in await self.log(consumer, event)]
            raise AssertionError(f"{consumer}: expected {', '.join(statuses)}, found{''.join(found)}") from None
        return await self.log(consumer, event)

    async def tries(self, consumer: str, event: CloudEvent[Any]) -> list[Any]:
        """Wait, hurrying, until the step is completed; return the rows of the tries that failed before."""

        async def is_completed() -> bool:
            await self.let_time_pass(event)
            return "completed" in [row.status for row in await self.log(consumer, event)]

        await until(is_completed)
        return [row for row in await self.log(consumer, event) if row.status == "retrying"]

    async def looks_again(self, event: CloudEvent[Any]) -> None:
        """Wait until the event's only open step, which waits or is parked, has had another try by itself."""
        [before] = await self.open_steps(event)

        async def has_looked() -> bool:
            [now] = await self.open_steps(event)
            return bool(now.state == before.state and now.token > before.token)

        await until(has_looked)

    async def is_claimed(self, consumer: str) -> None:
        """Wait until `consumer` has claimed or dropped all that it was sent up to now.

        A queue keeps its order, so an unreadable message marks the place: it is logged when it is claimed.
        """
        await self._send(TO_EXCHANGE, consumer, mark := MARK + uuid4().bytes, {})

        async def has_mark() -> bool:
            found = await self.sql(
                "SELECT 1 FROM open_steps WHERE consumer = :consumer AND body = :mark", consumer=consumer, mark=mark
            )
            return bool(found)

        await until(has_mark)
        await self.sql("DELETE FROM open_steps WHERE body = :mark", mark=mark)

    async def has_no_trace(self, consumer: str, event: CloudEvent[Any]) -> bool:
        """Whether the event, once claimed, has left neither an open step nor a log row."""
        await self.is_claimed(consumer)
        return not await self.log(consumer, event) and not await self.open_steps(event)

    async def let_time_pass(self, event: CloudEvent[Any], *, deadline: bool = False, **still: Any) -> None:
        """Make the event's steps due, if they wait or are parked, and their columns are `still` so; `deadline`: too."""
        last = ", deadline = clock_timestamp()" if deadline else ""
        which = ["event_id = :id", "state IN ('waiting', 'parked')", *(f"{column} = :{column}" for column in still)]
        sql = f"UPDATE open_steps SET due_at = clock_timestamp(){last} WHERE {' AND '.join(which)}"
        await self.sql(sql, id=event.id, **still)
        await self.sql("NOTIFY vrs_wake")

    async def open_steps(self, event: CloudEvent[Any]) -> list[Any]:
        """The event's rows in the waiting room."""
        return await self.sql("SELECT * FROM open_steps WHERE event_id = :id", id=event.id)

    async def state(self, story: Story) -> str | None:
        """The project's state; None if there is no such project."""
        rows = await self.sql("SELECT provisioning_state FROM projects WHERE vrs_id = :id", id=story.project_id)
        return rows[0][0] if rows else None

    async def becomes(self, state: ProvisioningState, story: Story) -> None:
        """Wait for the project's state."""

        async def is_so() -> bool:
            return await self.state(story) == state

        await until(is_so)

    async def know(self, story: Story, state: ProvisioningState) -> None:
        """Write what dns writes of an order: from now on the project is known."""
        project = {"vrs_id": story.project_id, "name": story.slug, "slug": story.slug, "provisioning_state": state}
        async with self.database.engine.begin() as connection:
            await connection.execute(insert(Project).values(project))
            await connection.execute(insert(ProjectOrder).values(story.order_row()))

    async def seed(self, *, servers: int = 1, capacity: int = 10) -> None:
        """A base domain, and the first `servers` of the Coolify simulator with `capacity` places each."""
        rows = [
            {
                "name": f"srv-tenants-{number}",
                "coolify_uuid": f"srv{number:022d}",
                "region": SERVER.region,
                "ipv4": f"203.0.113.{9 + number}",
                "ipv6": f"2001:db8::{9 + number}" if number % 2 else None,
                "capacity": capacity,
            }
            for number in range(1, servers + 1)
        ]
        async with self.database.engine.begin() as connection:
            await connection.execute(insert(BaseDomain).values(name=BASE_DOMAIN))
            await connection.execute(insert(Server), rows)

    async def sql(self, statement: str, **parameters: Any) -> list[Any]:
        """Run any statement."""
        async with self.database.autocommit.begin() as connection:
            result = await connection.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []

    async def _send(self, exchange: str, routing_key: str, body: bytes, headers: dict[str, Any]) -> None:
        properties = spec.Basic.Properties(delivery_mode=2, content_type=CONTENT_TYPE, headers=headers)
        await self.channel.basic_publish(body, exchange=exchange, routing_key=routing_key, properties=properties)

    async def _hear(self, message: aiormq.abc.DeliveredMessage) -> None:
        self.heard.append(decode(message.body, EVENTS[json.loads(message.body)["type"]]))


@asynccontextmanager
async def connected(database: Database, amqp_url: str) -> AsyncIterator[System]:
    """Connect to the bus and listen to every event, for as long as the block runs."""
    connection = await aiormq.connect(amqp_url)
    try:
        channel = await connection.channel()
        await declare(channel, ())
        system = System(database, amqp_url, channel)
        everything = await channel.queue_declare(exclusive=True)
        await channel.queue_bind(everything.queue or "", EVENTS_EXCHANGE, "#")
        await channel.basic_consume(everything.queue or "", system._hear, no_ack=True)
        yield system
    finally:
        await connection.close()
