"""Live projects without the choreography that makes them: rows, records at INWX, applications at Coolify."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import delete, insert, select, text, update

from contracts import DnsConfigured, DnsRecord, DnsReleased, MailRecordType, ProjectCancelled, RecordType, ServiceName
from services.deploy import reconcile as deploy_reconcile
from services.deploy.blueprint import application_name, description, environment_name
from services.deploy.models import ProjectDeployment, Stage
from services.dns import reconcile as dns_reconcile
from services.dns.models import ManagedMailRecord, ManagedRecord, RecordHolder
from shared.database import Database
from shared.models import (
    BaseDomain,
    Cancellation,
    LogStatus,
    Project,
    ProjectDomain,
    ProjectOrder,
    ProvisioningLog,
    ProvisioningState,
    Server,
)
from shared.reconcile.finding import Finding, Reconciler, repair
from tests.choreography.events import Story
from tests.choreography.facts import BASE_DOMAIN, SERVER
from tests.choreography.vendors import Deployments, Inwx
from tests.shared.messaging.harness import until

IMAGE, TAG = "ghcr.io/vrs/vrs-core", "1.0.0"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Tenancy:
    """`dns` and `deploy` are the reconcilers as services and ``vrs reconcile`` open them."""

    database: Database
    inwx: Inwx
    coolify: Deployments
    http: httpx.AsyncClient
    dns: Reconciler
    deploy: Reconciler
    stories: list[Story] = field(default_factory=list)

    async def project(self, **more: Any) -> Story:
        """A live project of whom everything is there as it is written down."""
        story = Story(**more)
        async with self.database.engine.begin() as connection:
            known = {"vrs_id": story.project_id, "name": story.slug, "slug": story.slug}
            await connection.execute(insert(Project).values(known | {"provisioning_state": ProvisioningState.LIVE}))
            await connection.execute(insert(ProjectOrder).values(story.order_row()))
            host = {"host": story.fqdn, "project_id": story.project_id, "is_primary": True}
            await connection.execute(insert(ProjectDomain).values(host))
            configured = story.event(
                DnsConfigured(fqdn=story.fqdn, records=story.records(), server=SERVER, placement_reason="the only one"),
                ServiceName.DNS,
            )
            await connection.execute(
                insert(ProvisioningLog).values(logged(story, "project-ordered", configured.encode()))
            )
        [record] = story.records()
        await self.write_record(story, record, await self.set_record(record))
        await self.write_app(story, await self.make_app(story))
        self.stories.append(story)
        return story

    async def set_record(self, record: DnsRecord, *, content: str | None = None) -> str:
        """Set a record at INWX, as anybody with access could; return its id."""
        values = {"domain": BASE_DOMAIN, "name": record.name, "type": record.type, "content": content or record.content}
        made = await self.call("nameserver.createRecord", {**values, "ttl": record.ttl})
        return str(made["id"])

    async def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call INWX."""
        body = {"method": method, "params": {"user": "demo", "pass": "demo", **params}}
        answer = (await self.http.post(self.inwx.inwx.url, json=body)).json()
        assert answer["code"] == 1000, answer
        found: dict[str, Any] = answer.get("resData", {})
        return found

    async def write_record(self, story: Story, record: DnsRecord, record_id: str | None) -> None:
        """Write the record down; without an id as an intent whose grace has long passed."""
        row = {
            "project_id": story.project_id,
            "name": record.name,
            "type": RecordType(record.type),
            "content": record.content,
            "ttl": record.ttl,
            "holder": RecordHolder.INWX,
            "zone": BASE_DOMAIN,
            "record_id": record_id,
            "intended_at": LONG_AGO,
            "seen_at": LONG_AGO if record_id else None,
        }
        async with self.database.engine.begin() as connection:
            await connection.execute(insert(ManagedRecord).values(row))

    async def mail_record(self, story: Story, slot: str, name: str, kind: MailRecordType, content: str) -> str:
        """Set a record for mail and write it down; return its id at INWX."""
        at_inwx = {"domain": BASE_DOMAIN, "name": name, "type": kind.value, "content": content, "ttl": 300}
        record_id = str((await self.call("nameserver.createRecord", at_inwx))["id"])
        row = {
            "project_id": story.project_id,
            "domain": story.fqdn,
            "slot": slot,
            "name": name,
            "type": kind,
            "content": content,
            "ttl": 300,
            "zone": BASE_DOMAIN,
            "record_id": record_id,
            "is_merged": False,
            "intended_at": LONG_AGO,
        }
        async with self.database.engine.begin() as connection:
            await connection.execute(insert(ManagedMailRecord).values(row))
        return record_id

    async def make_app(self, story: Story, *, tagged: bool = True, domains: str | None = None) -> str:
        """Make the project's application at Coolify and deploy it, unless it has no domains; return its uuid."""
        name = environment_name(story.project_id)
        project = self.coolify.coolify.project_uuid
        await self.ask("POST", f"/projects/{project}/environments", {"name": name}, fine=(201, 409))
        made = await self.ask(
            "POST",
            "/applications/dockerimage",
            {
                "project_uuid": project,
                "server_uuid": SERVER.id,
                "environment_name": name,
                "name": application_name(story.project_id),
                "description": description(story.project_id, spec_of(story)),
                "docker_registry_image_name": IMAGE,
                "docker_registry_image_tag": TAG,
                "ports_exposes": "8080",
                "autogenerate_domain": False,
                **({"domains": domains or f"https://{story.fqdn}"} if domains != "" else {}),
                **({"tags": [name, "vrs"]} if tagged else {}),
            },
        )
        if domains != "":
            await self.ask("POST", "/deploy", {"uuid": made["uuid"]})
            await until(lambda: self._runs(made["uuid"]), within=30)
        return str(made["uuid"])

    async def _runs(self, application: str) -> bool:
        shown = await self.ask("GET", f"/applications/{application}")
        return str(shown["status"]).startswith("running")

    async def ask(self, method: str, path: str, body: Any = None, fine: Sequence[int] = (200, 201)) -> Any:
        """Call Coolify."""
        headers = {"Authorization": f"Bearer {self.coolify.coolify.token}", "Accept": "application/json"}
        url = f"{self.coolify.coolify.url}/api/v1{path}"
        answer = await self.http.request(method, url, headers=headers, json=body)
        assert answer.status_code in fine, answer.text
        return answer.json()

    async def write_app(self, story: Story, application: str | None) -> None:
        """Write the application down; without a uuid as an intent whose grace has long passed."""
        row = {
            "project_id": story.project_id,
            "coolify_project": self.coolify.coolify.project_uuid,
            "server": SERVER.id,
            "stage": Stage.DEPLOYED if application else Stage.CREATING,
            "since": LONG_AGO,
            "image": IMAGE,
            "tag": TAG,
            "spec": spec_of(story),
            "application": application,
            "retries": 0,
        }
        async with self.database.engine.begin() as connection:
            await connection.execute(insert(ProjectDeployment).values(row))

    async def cancel(self, story: Story, *, undone: bool = True) -> None:
        """Cancel the project; `undone`: and let every service have undone its part, as the log tells."""
        released = story.event(
            DnsReleased(fqdn=story.fqdn, records=story.records(), server=SERVER.name), ServiceName.DNS
        )
        services = sorted(ProjectCancelled.undone_by) if undone else []
        mark = {"project_id": story.project_id, "reason": "x", "requested_by": "x", "undone": services}
        async with self.database.engine.begin() as connection:
            await connection.execute(insert(Cancellation).values(mark))
            state = ProvisioningState.CANCELLED if undone else ProvisioningState.CANCELLING
            these = update(Project).where(Project.vrs_id == story.project_id)
            await connection.execute(these.values(provisioning_state=state))
            if undone:
                for model in (ManagedRecord, ProjectDeployment, ProjectDomain):
                    await connection.execute(delete(model).where(model.project_id == story.project_id))
                await connection.execute(
                    insert(ProvisioningLog).values(logged(story, "project-cancelled", released.encode()))
                )

    async def open_step(self, story: Story, consumer: str, state: str) -> None:
        """Let the service be at work for the project."""
        await self.sql(
            "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at) VALUES"
            " (:consumer, :event, :project, '', CAST(:state AS step_state), 1, 1, now() + interval '1 hour')",
            consumer=consumer,
            event=uuid4(),
            project=story.project_id,
            state=state,
        )

    async def look(self, reconciler: Reconciler, story: Story | None = None) -> list[Finding]:
        """What is found, of one project or of all."""
        return [finding async for finding in reconciler.look(story.project_id if story else None)]

    async def drifts(self, reconciler: Reconciler) -> list[str]:
        """What is found of all, in short; the look at single projects must say the same."""
        found = await self.look(reconciler)
        one_by_one = {each.id for story in self.stories for each in await self.look(reconciler, story)}
        assert {
            each.id for each in found if each.project_id in {story.project_id for story in self.stories}
        } == one_by_one
        return [each.drift.value for each in found]

    async def repaired(self, reconciler: Reconciler) -> str:
        """Repair the only thing that is off; return what was done. Then nothing is off any more."""
        [finding] = [finding for finding in await self.look(reconciler) if finding.is_off]
        return await repair(reconciler, finding)

    async def row(self, model: Any, story: Story) -> Any:
        """The project's only row; None if there is none."""
        async with self.database.engine.connect() as connection:
            found = await connection.execute(select(model.__table__).where(model.project_id == story.project_id))
            return found.one_or_none()

    async def told(self, story: Story) -> list[str]:
        """What reconcilers put into the project's story."""
        rows = await self.sql(
            "SELECT message FROM provisioning_log WHERE project_id = :id AND step = 'reconcile' ORDER BY id",
            id=story.project_id,
        )
        return [row.message for row in rows]

    async def sql(self, statement: str, **parameters: Any) -> list[Any]:
        """Run any statement."""
        async with self.database.engine.begin() as connection:
            result = await connection.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []


def spec_of(story: Story) -> str:
    return hashlib.sha256(story.slug.encode()).hexdigest()[:16]


def logged(story: Story, event: str, emitted: bytes) -> dict[str, Any]:
    return {
        "project_id": story.project_id,
        "service": "dns",
        "consumer": f"dns.{event}",
        "step": event,
        "status": LogStatus.COMPLETED,
        "attempt": 1,
        "event_id": uuid4(),
        "message": "done",
        "detail": {},
        "emitted": emitted,
        "started_at": LONG_AGO,
        "duration_ms": 1,
    }


@asynccontextmanager
async def running_tenancy(
    database: Database, inwx: Inwx, coolify: Deployments, http: httpx.AsyncClient
) -> AsyncIterator[Tenancy]:
    server = {"name": SERVER.name, "coolify_uuid": SERVER.id, "region": SERVER.region, "capacity": 10}
    async with AsyncExitStack() as stack:
        async with database.engine.begin() as connection:
            await connection.execute(insert(BaseDomain).values(name=BASE_DOMAIN))
            await connection.execute(
                insert(Server).values(server | {"ipv4": str(SERVER.ipv4), "ipv6": str(SERVER.ipv6)})
            )
        yield Tenancy(
            database,
            inwx,
            coolify,
            http,
            await stack.enter_async_context(dns_reconcile.open_reconciler(database)),
            await stack.enter_async_context(deploy_reconcile.open_reconciler(database)),
        )
