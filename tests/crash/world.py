"""One running system of real processes, with what a cell of the matrix needs of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from contracts import CloudEvent, DnsRecordsNeeded, ProjectCancelled, ServiceName
from ops.stack import Guard
from shared.database import Database
from shared.marks import MOVE_TO_CANCELLING, SET_MARK, marks
from shared.models import ProvisioningState
from shared.outbox import NOTIFY_SERVICES, row_of, said
from simulators.brevo import running_brevo
from simulators.coolify import running_coolify
from simulators.core import running_core
from simulators.inwx import running_inwx
from simulators.smtp import running_smtp
from tests.choreography.events import Story
from tests.choreography.system import System, connected
from tests.choreography.vendors import Brevo, Cores, Deployments, Inwx, Mailbox
from tests.crash import transfers
from tests.crash.observer import Arm, Sighting, arm, read_journal
from tests.crash.processes import Processes, processes
from tests.crash.scenarios import (
    BEGIN_LIVE,
    BEGINNINGS,
    CONNECTING,
    ENDS,
    LIVE,
    MOVERS,
    MOVING,
    OURS,
    UNDOERS,
    Scenario,
)
from tests.shared.messaging.harness import until

PATIENCE = 60.0
"""Seconds until something that must happen counts as hanging."""

SETTINGS = {
    "VRS_TRANSFER_KEY": transfers.KEY.get_secret_value(),
    "VRS_INWX_GRACE": "1",
    "VRS_CUSTOMER_LOOK_AFTER": "0.2",
    "VRS_DATABASE_POOL_SIZE": "4",
}


@dataclass
class World:
    """The system. `scenarios` says what happens to which project, `begun_by` the event that it begins with."""

    system: System
    inwx: Inwx
    brevo: Brevo
    coolify: Deployments
    cores: Cores
    mailbox: Mailbox
    services: Processes
    scenarios: dict[Story, Scenario] = field(default_factory=dict)
    begun_by: dict[Story, UUID] = field(default_factory=dict)
    _live: asyncio.Queue[Story] = field(default_factory=lambda: asyncio.Queue(maxsize=4))

    async def prepared(self, scenario: Scenario) -> Story:
        """A project to which the scenario can happen."""
        if scenario in BEGIN_LIVE:
            story = await self._live.get()
        else:
            own = scenario in (Scenario.ELSEWHERE, Scenario.NEW, *OURS)
            story = Story(own_domain=f"{Story().slug}.example" if own else None, is_new=scenario is Scenario.NEW)
        if scenario is Scenario.ELSEWHERE:
            wrong = {"name": "@", "type": "A", "content": "192.0.2.1"}
            await self.inwx.set(elsewhere={"zone": story.fqdn, "records": [wrong]})
        if scenario in (Scenario.GIVEN, Scenario.LOSES):
            await self.inwx.set(zone={"account": "demo", "domain": story.second})
        if scenario is Scenario.LOSES:
            await self.system.publish(story.added(story.second))
            for consumer in (*CONNECTING, "notify.domain-connected"):
                await self.handles(consumer, story)
        if scenario in MOVING:
            mail = {"name": "@", "type": "MX", "content": "mail.provider.example", "prio": 10}
            await self.inwx.set(
                elsewhere={"zone": story.moving_domain, "records": [mail], "auth_code": transfers.AUTH_CODE}
            )
        self.scenarios[story] = scenario
        if scenario in OURS:
            await self.inwx.set(zone={"account": "demo", "domain": story.fqdn})
        if scenario is Scenario.MAIL_CANCELLED:
            await self._place(story.ordered())
            await self._place(story.mail_requested())
            await self.handles("notify.core-healthy", story)
            await self.handles("dns.maildomain-requested", story)
        return story

    async def keep_live_projects(self) -> None:
        """Have a few live projects ready, for ever."""
        while True:
            story = Story()
            self.scenarios[story] = Scenario.LIVE
            await self.happen(story)
            with suppress(TimeoutError):  # a service is away for long; whoever has it restarted tells of that
                await self.finish(story)
                await self._live.put(story)

    async def happen(self, story: Story, *, directly: bool = False) -> None:
        """Let the scenario begin: by the marketplace's outbox where that sends it, unless `directly`."""
        scenario = self.scenarios[story]
        if scenario in MOVING:
            self.begun_by[story] = await transfers.ask(self.system, story, knows_code=scenario is Scenario.TRANSFER)
            return
        says, by_outbox = BEGINNINGS[scenario]
        event = story.resend_requested(await self._mail_of(story)) if scenario is Scenario.RESENT else says(story)
        self.begun_by[story] = event.id
        if directly or not by_outbox:
            await self.system.publish(event)
        else:
            await self._place(event)
        if scenario is Scenario.MAIL:
            await self._place(story.mail_requested())

    async def _mail_of(self, story: Story) -> str:
        """The mail that told the customer that the project is live."""
        found = "SELECT message_id FROM mails WHERE project_id = :id AND kind = 'live'"
        [row] = await self.system.sql(found, id=story.project_id)
        return str(row.message_id)

    async def _place(self, event: CloudEvent[Any]) -> None:
        """As the marketplace does: the event, and the mark of a cancelled project, in one commit."""
        async with self.system.database.engine.begin() as connection:
            if isinstance(event.data, ProjectCancelled):
                for statement in (MOVE_TO_CANCELLING, SET_MARK):
                    await connection.execute(statement, marks([(event.subject, event.data)]))
            await connection.execute(row_of(said(event), owner=ServiceName.MARKETPLACE))
            await connection.execute(NOTIFY_SERVICES)

    async def answer(self, story: Story) -> None:
        """Do what people do, once dns has asked for it: set records, or withdraw a transfer."""
        if self.scenarios[story] is Scenario.WITHDRAWN:
            await transfers.withdraw_failed(self.system, story, within=2 * PATIENCE)
        if self.scenarios[story] is not Scenario.ELSEWHERE:
            return
        await until(lambda: self.system.said(DnsRecordsNeeded, story), within=PATIENCE)
        needed = self.system.said(DnsRecordsNeeded, story)[0].data.records
        records = [{"name": record.name, "type": record.type, "content": record.content} for record in needed]
        await self.inwx.set(elsewhere={"zone": story.fqdn, "records": records})

    async def finish(self, story: Story) -> None:
        """Do what the customer does, and wait until the project's story is over."""
        await self.answer(story)
        cancelled = self.scenarios[story] in ENDS
        last = {Scenario.TRANSFER: MOVERS, Scenario.WITHDRAWN: MOVERS[:1]}.get(self.scenarios[story], LIVE)
        for consumer in UNDOERS if cancelled else last:
            await self.handles(consumer, story)
        known = self.scenarios[story] is not Scenario.NEVER_ORDERED
        state = ProvisioningState.CANCELLED if cancelled else ProvisioningState.LIVE
        await self.is_over(story, state if known else None)

    async def is_over(self, story: Story, state: ProvisioningState | None) -> None:
        """Wait for a project that is in `state` with nothing open and nothing unsaid."""

        async def is_so() -> bool:
            return await self.system.state(story) == state and await self.open(story) == 0

        await until(is_so, within=PATIENCE)

    async def open(self, story: Story, owner: str = "%") -> int:
        """How many steps and outbox rows of the project are left in a service."""
        [(left,)] = await self.system.sql(
            "SELECT (SELECT count(*) FROM open_steps WHERE project_id = :id AND consumer LIKE :owner || '.%')"
            " + (SELECT count(*) FROM outbox WHERE owner LIKE :owner AND headers ->> 'correlation-id' = :text)",
            id=story.project_id,
            text=str(story.project_id),
            owner=owner,
        )
        return int(left)

    async def handles(self, consumer: str, story: Story) -> None:
        """Wait until the consumer's step for the project is completed, and said."""

        async def is_so() -> bool:
            return await self.has_handled(consumer, story)

        await until(is_so, within=PATIENCE)

    async def has_handled(self, consumer: str, story: Story) -> bool:
        """Whether the consumer's step for the project is completed, and said."""
        service = consumer.partition(".")[0]
        if not is_step(consumer):
            return bool(self.reached(story, consumer).get("removed")) and await self.open(story, service) == 0
        completed = await self.system.sql(
            "SELECT 1 FROM provisioning_log WHERE consumer = :consumer AND project_id = :id AND status = 'completed'",
            consumer=consumer,
            id=story.project_id,
        )
        return bool(completed) and await self.open(story, service) == 0

    def journal(self, service: str) -> list[Sighting]:
        """What the service's processes have reached."""
        return read_journal(self.services.folder, service)

    def reached(self, story: Story, consumer: str) -> Counter[str]:
        """How often each point was reached for the project."""
        project, begun_by = str(story.project_id), str(self.begun_by.get(story))
        return Counter(
            seen.point
            for seen in self.journal(consumer.partition(".")[0])
            if seen.project == project and seen.consumer == consumer and (is_step(consumer) or seen.event == begun_by)
        )

    def arm(self, service: ServiceName, where: Arm | None) -> None:
        """Have the service die there."""
        arm(self.services.folder, service, where)

    async def restart(self, service: ServiceName) -> None:
        """Start a service that has died. The leases of its last process end at once instead of in two minutes."""
        await self.system.sql(
            "UPDATE open_steps SET due_at = clock_timestamp() WHERE state = 'running' AND consumer LIKE :owner || '.%'",
            owner=service,
        )
        await self.system.sql("UPDATE outbox SET lease_until = clock_timestamp() WHERE owner = :owner", owner=service)
        await asyncio.to_thread(self.services.start, service)

    async def dies(self, service: ServiceName, consumer: str, stories: Sequence[Story]) -> bool:
        """Wait until the service has died; False if it has done all its work without that."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not self.services.has_died(service):
            if all([await self.has_handled(consumer, story) for story in stories]):
                await asyncio.sleep(0.1)  # the last points come after the last row
                return self.services.has_died(service)
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"{service} neither dies nor handles {consumer} of {stories[0].project_id}")
            await asyncio.sleep(0.05)
        return True


def is_step(consumer: str) -> bool:
    """Whether it is a queue with a handler, not the marketplace, which only says what its outbox holds."""
    return "." in consumer


@asynccontextmanager
async def running_world(amqp_url: str, database: Database, folder: Path, guard: Guard) -> AsyncIterator[World]:
    """Run simulators and services for as long as the block runs. Their logs and journals go to `folder`."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient())
        core = await stack.enter_async_context(running_core())
        running = await stack.enter_async_context(running_coolify(core_url=core.url))
        simulated = await stack.enter_async_context(running_inwx())
        sender = await stack.enter_async_context(running_brevo(dns_servers=simulated.dns_servers))
        smtp = await stack.enter_async_context(running_smtp())
        inwx = Inwx(http, simulated.control_url, simulated)
        brevo = Brevo(http, sender.control_url, sender)
        coolify = Deployments(http, running.control_url, running)
        cores, mailbox = Cores(http, core.control_url, core), Mailbox(http, smtp.control_url, smtp)
        # For so long a second order of a domain, or of its transfer, is paid for once more.
        await inwx.set(latency=0.02, propagation=[0.0, 0.3], registration_seconds=3, transfer_seconds=3)
        await brevo.set(latency=0.02, rate_limit=100_000)
        await coolify.set(**Deployments.knobs | {"latency": 0.02, "deploy_seconds": 0.3, "delete_seconds": 0.3})
        await coolify.set(rate_limit=100_000)
        await cores.set(latency=0.05, boot_seconds=0.3)
        await mailbox.set(latency=0.05)
        system = await stack.enter_async_context(connected(database, amqp_url))
        await system.seed(capacity=100_000)
        settings = {"VRS_AMQP_URL": amqp_url, "VRS_DATABASE_URL": database.listen_url} | SETTINGS
        for vendor in (inwx, brevo, coolify, cores, mailbox):
            settings = vendor.settings() | settings
        settings["VRS_COOLIFY_RATE_LIMIT"] = "100000"
        services = stack.enter_context(processes(settings, folder, guard))
        for name in ServiceName:
            await asyncio.to_thread(services.start, name)
        await until(services.are_ready, within=PATIENCE)
        yield World(system, inwx, brevo, coolify, cores, mailbox, services)
