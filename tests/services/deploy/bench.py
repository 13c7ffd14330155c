"""The deploy service on the Coolify simulator, with orders that play the kernel's part."""

import asyncio
import ipaddress
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from contracts import DnsConfigured, DnsRecord, Locale, Plugin, ProjectCancelled, RecordType, TargetServer
from services.deploy.application import CoolifyProject
from services.deploy.blueprint import Blueprint
from services.deploy.budget import Budget
from services.deploy.coolify import Coolify, api_headers
from services.deploy.deployments import DeploymentWatch
from services.deploy.handlers import Handlers
from services.deploy.models import ProjectDeployment
from services.deploy.rollout import Rollout
from services.deploy.settings import DeploySettings
from shared.errors import TemporaryError
from shared.http import http_client
from shared.models import ProvisioningState, Table
from shared.outcome import Done, Outcome, Parked
from shared.plans import read_plans
from shared.service import Announcement
from shared.step import ProjectFacts
from simulators.coolify import Coolify as Simulator
from simulators.coolify import running_coolify
from tests.in_memory_step import InMemoryStep

Client = Callable[..., Awaitable[Coolify]]

NOWHERE = "http://127.0.0.1:9"
READ_TIMEOUT = 0.4
TOKEN_LIFETIME = timedelta(hours=24)
PATIENCE = 20.0


class InMemoryKernel:
    """Implements `shared.service.Kernel`: who is parked, and waking them."""

    def __init__(self) -> None:
        self.parked: dict[str, list[asyncio.Event]] = defaultdict(list)

    def park(self, key: str) -> asyncio.Event:
        woken = asyncio.Event()
        self.parked[key].append(woken)
        return woken

    async def announce(self, announcement: Announcement) -> bool:
        raise AssertionError("deploy announces nothing")

    async def wake(self, key: str, most: int | None = None) -> int:
        woken = self.parked[key][:most]
        del self.parked[key][:most]
        for event in woken:
            event.set()
        return len(woken)

    async def parked_keys(self, prefix: str) -> list[str]:
        return [key for key, waiting in self.parked.items() if waiting and key.startswith(prefix)]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def settings(url: str, **changes: Any) -> DeploySettings:
    given: dict[str, Any] = {
        "amqp_url": "amqp://unused",
        "database_url": "postgresql://unused",
        "coolify_url": url,
        "coolify_token": "9|service-token",
        "coolify_project": "vrs-tenants",
        "marketplace_url": "https://market.example",
    }
    return DeploySettings(**given | changes)


@dataclass
class Bench:
    """One deploy process. `clock` is the watch's."""

    running: Simulator
    desk: httpx.AsyncClient
    budget: Budget
    coolify: Coolify
    watch: DeploymentWatch
    handlers: Handlers
    clock: Clock
    kernel: InMemoryKernel = field(default_factory=InMemoryKernel)

    async def control(self, **wanted: Any) -> None:
        answer = await self.desk.post(self.running.control_url, json=wanted)
        assert answer.status_code == 200, answer.text

    async def fault(self, call: str, kind: str, **more: Any) -> None:
        await self.control(fault={"call": call, "kind": kind, **more})

    async def state(self) -> Any:
        return (await self.desk.get(self.running.url + "/_state")).json()

    async def calls(self) -> dict[str, int]:
        shown = (await self.desk.get(self.running.control_url)).json()
        calls: dict[str, int] = shown["calls"]
        return calls

    async def applications(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.state())["applications"]
        return found

    async def applications_become(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                if len(await self.applications()) == number:
                    return
                await asyncio.sleep(0.01)

    async def called(self, call: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                if call in await self.calls():
                    return
                await asyncio.sleep(0.01)

    async def api(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Act as somebody at Coolify's UI."""
        return await self.desk.request(
            method, f"{self.running.url}/api/v1{path}", json=body, headers=api_headers("7|demo-token")
        )

    def order(self, **changes: Any) -> "Order":
        return Order(self, **changes)


@asynccontextmanager
async def running_bench(*, rate_limit: int = 6000, **changes: Any) -> AsyncIterator[Bench]:
    async with running_coolify() as running, httpx.AsyncClient() as desk:
        given = settings(running.url, coolify_rate_limit=rate_limit, **changes)
        async with http_client(
            given.coolify_api, headers=api_headers(given.coolify_token.get_secret_value()), read_timeout=READ_TIMEOUT
        ) as http:
            budget, clock = Budget(rate_limit), Clock()
            coolify = Coolify(http, budget)
            watch = DeploymentWatch(coolify, budget, stuck_after=1200, clock=clock)
            project = CoolifyProject(coolify, given.coolify_project)
            blueprint = Blueprint(given, read_plans())
            handlers = Handlers(coolify, project, blueprint, Rollout(coolify, watch, TOKEN_LIFETIME), intent_grace=1.0)
            bench = Bench(running, desk, budget, coolify, watch, handlers, clock)
            await bench.control(deploy_seconds=0.05, blip_seconds=0, delete_seconds=0.05, rate_limit=rate_limit)
            yield bench


class Order:
    """One project: plays each try as the kernel would, and keeps what was recorded."""

    def __init__(self, bench: Bench, *, server: int = 1, slug: str | None = None, **facts: Any) -> None:
        self.bench = bench
        self.project_id = uuid4()
        self.slug = slug or f"t{self.project_id.hex[-8:]}"
        self.server = server
        self.facts = facts
        self.tables: dict[tuple[Any, ...], Table] = {}
        self.troubles: list[str] = []

    @property
    def row(self) -> ProjectDeployment | None:
        return next((row for row in self.tables.values() if isinstance(row, ProjectDeployment)), None)

    @property
    def fqdn(self) -> str:
        return f"{self.slug}.vrs.example"

    def step(self) -> InMemoryStep:
        known: dict[str, Any] = {
            "state": ProvisioningState.DNS_CONFIGURED,
            "slug": self.slug,
            "fqdn": self.fqdn,
            "base_domain": "vrs.example",
            "project_type": "vrs-core",
            "plan": "starter",
            "plugins": (Plugin(name="shop", version="1.2.0"), Plugin(name="blog", version="2.0.1")),
            "locale": Locale.DE,
            "customer_name": "Erika Muster",
            "customer_email": "erika@example.org",
            "ordered_at": datetime.now(UTC),
        }
        return InMemoryStep(project_id=self.project_id, project=ProjectFacts(**known | self.facts), tables=self.tables)

    def event(self, *more_hosts: str) -> DnsConfigured:
        host = self.bench.running.servers[self.server - 1]
        address = ipaddress.IPv4Address(host.ip)
        records = tuple(
            DnsRecord(name=name, type=RecordType.A, content=str(address)) for name in (self.fqdn, *more_hosts)
        )
        server = TargetServer(id=host.uuid, name=host.name, region="fsn1", ipv4=address)
        return DnsConfigured(fqdn=self.fqdn, records=records, server=server, placement_reason="least loaded")

    async def deploy(self, event: DnsConfigured | None = None) -> Outcome:
        """One try; what its outcome writes is written."""
        step = self.step()
        return self._written(step, await self.bench.handlers.deploy_app(event or self.event(), step))

    async def cancel(self, *, keep_volumes: bool = True) -> Outcome:
        event = ProjectCancelled(reason="test", requested_by="test", keep_volumes=keep_volumes)
        step = self.step()
        return self._written(step, await self.bench.handlers.remove_app(event, step))

    async def deployed(self, event: DnsConfigured | None = None) -> Done:
        """Try until it is done, waiting as the outcomes say, though not as long."""
        return await self._until_done(lambda: self.deploy(event))

    async def deployed_by_a_running_watch(self) -> Done:
        """As `deployed`, where the watch runs beside."""
        return await self._until_done(self.deploy, looks=False)

    async def cancelled(self, *, keep_volumes: bool = True) -> Done:
        return await self._until_done(lambda: self.cancel(keep_volumes=keep_volumes))

    async def _until_done(self, attempt: Callable[[], Any], *, looks: bool = True) -> Done:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    outcome = await attempt()
                except TemporaryError as error:
                    self.troubles.append(error.code)
                    await asyncio.sleep(0.05)
                    continue
                if isinstance(outcome, Done):
                    return outcome
                if isinstance(outcome, Parked) and not looks:
                    await self.bench.kernel.park(outcome.key).wait()
                elif isinstance(outcome, Parked):
                    await self.woken(outcome)
                else:
                    self.troubles.append(outcome.message)
                    await asyncio.sleep(0.05)

    async def woken(self, outcome: Parked) -> None:
        """Wait until the watch wakes the step."""
        woken = self.bench.kernel.park(outcome.key)
        while not woken.is_set():
            try:
                await self.bench.watch.look(self.bench.kernel)
            except TemporaryError as error:
                self.troubles.append(error.code)
            await asyncio.sleep(0.02)

    @staticmethod
    def _written(step: InMemoryStep, outcome: Outcome) -> Outcome:
        for write in outcome.writes:
            step.apply(write)
        return outcome
