"""The Brevo simulator beside INWX's, and mail that is asked for without broker and database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from contracts import MailDomainReady, MailDomainReleased, MailDomainRequested, MailRecordsNeeded
from services.dns.customer import CustomerPatience
from services.dns.handlers.mail_domain_requested import ConnectMail
from services.dns.mail.brevo import Brevo
from services.dns.models import ManagedMailRecord
from shared.http import http_client
from shared.models import MailDomain, ProjectDomain
from shared.outcome import Done, Later, Outcome, Parked
from simulators.brevo import API_KEY, RunningBrevo, running_brevo
from tests.services.dns.world import Project, World, order, running_world

DOMAIN = "kunde-mit-domain.example"
"""Its zone is in our account at INWX."""


@dataclass
class MailWorld:
    """`inwx` as for every test of dns; `control` and `domains` look behind Brevo's API."""

    inwx: World
    running: RunningBrevo
    brevo: Brevo

    async def control(self, **wanted: Any) -> Any:
        answer = await self.inwx.http.post(self.running.control_url, json=wanted)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def fault(self, call: str, kind: str, **more: Any) -> None:
        await self.control(fault={"call": call, "kind": kind, **more})

    async def calls(self) -> dict[str, int]:
        calls: dict[str, int] = (await self.control())["calls"]
        return calls

    async def domains(self) -> dict[str, bool]:
        """Name of each sender domain, and whether mail may be sent under it."""
        rows = (await self.inwx.http.get(f"{self.running.control_url}/domains")).json()
        return {row["domain_name"]: row["authenticated"] for row in rows}

    async def zone(self, domain: str = DOMAIN) -> list[tuple[str, str, str]]:
        """Name, type and content of what stands in a zone."""
        rows = await self.inwx.records(domain)
        return sorted((row["name"], row["type"], row["content"]) for row in rows)

    async def hold_elsewhere(self, domain: str, *records: tuple[str, str, str]) -> None:
        """A domain at another provider."""
        rows = [{"name": name, "type": kind, "content": content} for name, kind, content in records]
        await self.inwx.control(elsewhere={"zone": domain, "records": rows})


@asynccontextmanager
async def running_mail_world(*, read_timeout: float = 20.0) -> AsyncIterator[MailWorld]:
    async with (
        running_world() as inwx,
        running_brevo(dns_servers=inwx.running.dns_servers) as running,
        http_client(running.url, headers={"api-key": API_KEY}, read_timeout=read_timeout) as http,
    ):
        inwx.brevo = Brevo(http)
        yield MailWorld(inwx, running, inwx.brevo)


@dataclass
class MailProject:
    """One project with a domain of its own, through any number of tries."""

    world: MailWorld
    domain: str = DOMAIN
    mx: bool = False
    brevo: bool = True

    def __post_init__(self) -> None:
        self.project = Project(self.world.inwx, order(own_domain=self.domain))
        row = ProjectDomain(host=self.domain, project_id=self.project.project_id, is_primary=True)
        self.project.tables["project_domains", self.domain] = row

    async def ask(self, domain: str | None = None) -> Outcome:
        """One try."""
        handler = ConnectMail(
            brevo=self.world.brevo if self.brevo else None,
            inwx=self.world.inwx.inwx,
            authority=self.world.inwx.authority,
            record_ttl=300,
            inwx_grace=self.project.grace,
            patience=CustomerPatience(gives_up_after=timedelta(days=30), look_after=30.0, look_at_most=300.0),
        )
        requested = MailDomainRequested(domain=domain or self.domain, mx=self.mx, requested_by="test")
        return await self.project._try(handler, requested)

    async def ready(self) -> MailDomainReady:
        """Try to the end."""
        for _ in range(200):
            outcome = await self.ask()
            if isinstance(outcome, Done):
                [event] = outcome.events
                assert isinstance(event, MailDomainReady)
                return event
            assert isinstance(outcome, Later), outcome
        raise AssertionError(outcome)

    @property
    def row(self) -> MailDomain:
        [found] = self.project.rows(MailDomain)
        assert isinstance(found, MailDomain)
        return found

    @property
    def records(self) -> dict[str, ManagedMailRecord]:
        return {row.slot: row for row in self.project.rows(ManagedMailRecord)}


def told(outcome: Outcome) -> MailRecordsNeeded:
    """The only event of a wait that has been told just now."""
    assert isinstance(outcome, Parked)
    assert outcome.until_woken
    [event] = outcome.events
    assert isinstance(event, MailRecordsNeeded)
    return event


async def released(project: MailProject) -> MailDomainReleased:
    """Cancel the project; what was said of its mail."""
    outcome = await project.project.cancel()
    assert isinstance(outcome, Done), outcome
    [event] = [each for each in outcome.events if isinstance(each, MailDomainReleased)]
    assert project.project.rows(MailDomain) == project.project.rows(ManagedMailRecord) == []
    return event
