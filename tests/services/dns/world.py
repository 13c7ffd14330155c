"""The INWX simulator with a client of dns in front of it, and orders that are handled without broker and database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from cryptography.fernet import Fernet
from pydantic import SecretStr

from contracts import (
    DnsConfigured,
    DomainRegistrationRequested,
    DomainTransferRequested,
    Locale,
    PlacementStrategy,
    ProjectCancelled,
    ProjectOrdered,
)
from services.dns.authority import Authority, ServerAddress
from services.dns.customer import CustomerPatience
from services.dns.handlers.project_cancelled import ReleaseDns
from services.dns.handlers.project_ordered import ConfigureDns
from services.dns.handlers.registration_requested import RegisterDomain
from services.dns.handlers.transfer_requested import TransferDomain
from services.dns.inwx import Inwx
from services.dns.inwx_session import InwxSession
from services.dns.mail.brevo import Brevo
from services.dns.models import CapacityWait, Placement
from services.dns.placement import Weights, Wish
from services.dns.registrar import Registrar
from services.dns.reservation import ReleasePlace, ReservePlace, Waiting
from services.dns.servers import wait_of
from services.dns.tan import TanSource
from services.dns.transfer_zone import TransferZone
from services.dns.withdrawal import FreeComing, WithdrawTransfer
from shared.host_claims import ClaimHosts, HostRefused
from shared.http import http_client
from shared.models import ProjectDomain, ProvisioningState, Table
from shared.outcome import Done, Outcome
from shared.plans import read_plans
from shared.seal import Seal
from shared.step import ProjectFacts
from shared.writes import Write
from simulators.inwx import RunningInwx, running_inwx
from tests.in_memory_step import InMemoryStep

IPV4, IPV6 = "192.0.2.10", "2001:db8::10"
INFO = "nameserver.info"
CREATE = "nameserver.createRecord"
SEAL = Seal(SecretStr(Fernet.generate_key().decode()))
NAME_SERVERS = ("ns.inwx.example", "ns2.inwx.example")


@dataclass
class World:
    """`inwx` is a client signed in as demo; `control` and `records` look behind the simulator's API."""

    running: RunningInwx
    http: httpx.AsyncClient
    inwx: Inwx
    registrar: Registrar
    authority: Authority
    brevo: Brevo | None = None

    async def control(self, **wanted: Any) -> Any:
        answer = await self.http.post(self.running.control_url, json=wanted)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def fault(self, call: str, kind: str, **more: Any) -> None:
        await self.control(fault={"call": call, "kind": kind, **more})

    async def calls(self) -> dict[str, int]:
        calls: dict[str, int] = (await self.http.get(self.running.control_url)).json()["calls"]
        return calls

    async def records(self, zone: str, name: str | None = None) -> list[dict[str, Any]]:
        """Rows of the zone beside SOA and NS."""
        zones = (await self.http.get(f"{self.running.control_url}/zones")).json()
        rows = next(each["records"] for each in zones if each["domain"] == zone)
        return [row for row in rows if row["type"] not in ("SOA", "NS") and name in (None, row["name"])]

    async def stranger(self, zone: str, **record: Any) -> str:
        """A record that somebody else set in our account."""
        params = {"domain": zone, "ttl": 3600, **record, "user": "demo", "pass": "demo"}
        answer = await self.http.post(self.running.url, json={"method": CREATE, "params": params})
        return str(answer.json()["resData"]["id"])


@asynccontextmanager
async def running_world(*, read_timeout: float = 20.0) -> AsyncIterator[World]:
    async with running_inwx() as running, httpx.AsyncClient() as http, http_client(read_timeout=read_timeout) as ours:
        servers = [ServerAddress(host, int(port)) for host, port in (at.split(":") for at in running.dns_servers)]
        signed_in = session(running, ours)
        registrar = Registrar(signed_in, name_servers=NAME_SERVERS)
        yield World(running, http, Inwx(signed_in), registrar, Authority(servers))


def session(
    running: RunningInwx,
    http: httpx.AsyncClient,
    *,
    user: str = "demo",
    password: str = "demo",
    tans: TanSource | None = None,
) -> InwxSession:
    return InwxSession(http, url=running.url, user=user, password=SecretStr(password), tans=tans)


@dataclass
class Project:
    """One project through any number of tries: what was recorded stays, each outcome's writes are applied."""

    world: World
    order: ProjectOrdered
    ipv6: str | None = None
    refused: HostRefused | None = None
    has_room: bool = True
    grace: float = 0.0
    age: timedelta = timedelta()
    project_id: UUID = field(default_factory=uuid4)
    tables: dict[tuple[Any, ...], Table] = field(default_factory=dict)
    ipv4: str = IPV4
    state: ProvisioningState = ProvisioningState.LIVE
    attempt: int = 1

    async def configure(self) -> Outcome:
        handler = ConfigureDns(
            inwx=self.world.inwx,
            authority=self.world.authority,
            record_ttl=300,
            placement=PlacementStrategy.LEAST_LOADED,
            weights=Weights(),
            plans=read_plans(),
            inwx_grace=self.grace,
            patience=CustomerPatience(gives_up_after=timedelta(days=30), look_after=30.0, look_at_most=300.0),
        )
        return await self._try(handler, self.order)

    async def register(self) -> Outcome:
        assert self.order.registration
        requested = DomainRegistrationRequested(domain=self.order.fqdn, max_cents=self.order.registration.max_cents)
        handler = RegisterDomain(registrar=self.world.registrar, inwx=self.world.inwx, inwx_grace=self.grace)
        return await self._try(handler, requested)

    async def transfer(self, domain: str, *, seal: Seal | None = SEAL) -> Outcome:
        handler = TransferDomain(
            registrar=self.world.registrar,
            zone=TransferZone(
                inwx=self.world.inwx, authority=self.world.authority, name_servers=NAME_SERVERS, record_ttl=300
            ),
            withdraw=WithdrawTransfer(inwx=self.world.inwx, registrar=self.world.registrar, inwx_grace=self.grace),
            seal=seal,
            inwx_grace=self.grace,
            gives_up_after=timedelta(days=14),
        )
        return await self._try(handler, DomainTransferRequested(domain=domain, max_cents=1500, requested_by="test"))

    async def cancel(self) -> Outcome:
        world = self.world
        handler = ReleaseDns(inwx=world.inwx, registrar=world.registrar, brevo=world.brevo, inwx_grace=self.grace)
        return await self._try(handler, ProjectCancelled(reason="test", requested_by="test"))

    @property
    def facts(self) -> ProjectFacts:
        """What the kernel reads of a project that stands in `state`."""
        return ProjectFacts(
            state=self.state,
            slug=self.order.slug,
            fqdn=self.order.fqdn,
            base_domain=self.order.base_domain,
            project_type=self.order.project_type,
            plan=self.order.plan,
            plugins=(),
            locale=Locale.DE,
            customer_name="",
            customer_email="",
            ordered_at=datetime.now(UTC),
        )

    def rows(self, model: type[Table]) -> list[Any]:
        return [row for row in self.tables.values() if isinstance(row, model)]

    async def _try(self, handler: Any, event: Any) -> Outcome:
        step = InMemoryStep(
            project_id=self.project_id,
            project=self.facts,
            tables=self.tables,
            decide=self._decide,
            attempt=self.attempt,
        )
        step.opened_at -= self.age
        outcome: Outcome = await handler(event, step)
        for write in outcome.writes:
            step.apply(write)
        return outcome

    def _decide(self, write: Write) -> Any:
        match write:
            case ClaimHosts(hosts=hosts):
                if not self.refused:
                    for host in hosts:
                        domain = ProjectDomain(host=host, project_id=self.project_id, is_primary=host == hosts[0])
                        self.tables["project_domains", host] = domain
                return self.refused
            case ReservePlace(wish=wish):
                return self._place() if self.has_room else self._wait(wish)
            case FreeComing(hosts=hosts):
                for host in hosts:
                    if getattr(self.tables.get(("project_domains", host)), "is_coming", None):
                        del self.tables["project_domains", host]
            case ReleasePlace():
                self.tables.pop(("placements", self.project_id), None)
        return None

    def _wait(self, wish: Wish) -> Waiting:
        row = self.tables.setdefault(("capacity_waits", self.project_id), wait_of(wish))
        assert isinstance(row, CapacityWait)
        return Waiting(wish, row.told_at is not None, 2, [{"server": "fsn-1", "verdict": "full"}])

    def _place(self) -> Placement:
        placement = Placement(
            project_id=self.project_id,
            server_id=1,
            strategy=PlacementStrategy.LEAST_LOADED,
            reason="fsn-1 by least_loaded",
            considered=[],
            target={"id": "c1", "name": "fsn-1", "region": "fsn", "ipv4": self.ipv4, "ipv6": self.ipv6},
            placed_at=datetime.now(UTC),
        )
        self.tables["placements", self.project_id] = placement
        return placement


def order(*, slug: str | None = None, own_domain: str | None = None, **more: Any) -> ProjectOrdered:
    return ProjectOrdered.model_validate(
        {
            "slug": slug or f"kunde-{uuid4().hex[:8]}",
            "base_domain": None if own_domain else "vrs.example",
            "own_domain": own_domain,
            "plan": "starter",
            "customer": {"name": "Erika Muster", "email": "erika@example.com"},
            **more,
        }
    )


def configured(outcome: Outcome) -> DnsConfigured:
    """The only event of an order that has been handled; anything else fails the test."""
    assert isinstance(outcome, Done), outcome
    [event] = outcome.events
    assert isinstance(event, DnsConfigured)
    assert outcome.state is ProvisioningState.DNS_CONFIGURED
    return event
