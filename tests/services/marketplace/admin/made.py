"""Projects in every state, as they would stand in the database."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from contracts import uuid7
from shared.database import Database

WAY = ("dns.project-ordered", "deploy.dns-configured", "bootstrap.app-deployed", "notify.core-healthy")
SAID = (
    "resolves at both name servers",
    "deployed on srv-tenants-1 after 41 s",
    "answers with its plugins",
    "mail to the customer was sent",
)
_DEAD = {
    "deploy.dns-configured": ("deployment_failed", "Coolify: the deployment failed: no space left on device"),
    "dns.project-ordered": ("dns_conflict", "INWX has an A record that is not ours"),
}


@dataclass
class Batch:
    """Statements with the rows that each is for: sent together, in the order in which each was first named."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, statement: str, **values: Any) -> None:
        self.rows.setdefault(statement, []).append(values)

    async def send(self, database: Database) -> None:
        async with database.engine.begin() as connection:
            for statement, rows in self.rows.items():
                await connection.execute(text(statement), rows)


async def fill(database: Database) -> dict[str, UUID]:
    """One project at least in each state; its slug tells which."""
    made, batch = {}, Batch()
    for index, (slug, state, steps) in enumerate(
        (
            ("baeckerei-sommer", "failed", 1),
            ("goldberg", "failed", 0),
            ("cafe-linde", "app_deployed", 2),
            ("radhaus", "dns_configured", 1),
            ("malerei-voss", "waiting_for_customer", 0),
            ("praxis-nord", "waiting_for_capacity", 0),
            ("hofladen-peters", "live", 4),
            ("studio-weiss", "live", 4),
            ("tischlerei-lang", "cancelled", 4),
            ("neu-bestellt", "ordered", 0),
        )
    ):
        made[slug] = project(batch, slug, state, steps, age=timedelta(minutes=7 * (10 - index)))
    for number in range(25):
        project(batch, f"laden-{number}", "live", 4, age=timedelta(hours=9 * number + 12))
    await batch.send(database)
    return made


def project(batch: Batch, slug: str, state: str, steps: int, *, age: timedelta) -> UUID:
    """A project with its order and `steps` done; what `state` says of the next step is true."""
    project_id, event, began = uuid7(), uuid4(), datetime.now(UTC) - age
    late = began + timedelta(minutes=5) if state in ("app_deployed", "dns_configured", "ordered") else None
    batch.add(
        "INSERT INTO projects (vrs_id, name, slug, provisioning_state, step_due_at) VALUES"
        " (:id, :slug, :slug, CAST(:state AS provisioning_state), :late)",
        id=project_id,
        slug=slug,
        state=state,
        late=late,
    )
    batch.add(
        "INSERT INTO project_orders (project_id, correlation_id, slug, fqdn, base_domain, project_type, plan, plugins,"
        " locale, customer_name, customer_email, ordered_at) VALUES (:id, :event, :slug, :fqdn, 'vrs.example',"
        " 'vrs-core', 'starter', CAST(:plugins AS jsonb), 'de', 'Erika Sommer', 'erika@sommer.example', :at)",
        id=project_id,
        event=event,
        slug=slug,
        fqdn=f"{slug}.vrs.example",
        plugins=json.dumps([{"name": "contact-form", "version": "2.0.4"}]),
        at=began,
    )
    for index in range(steps):
        at = began + timedelta(seconds=35 * (index + 1))
        logged(batch, project_id, WAY[index], "completed", f"{slug}.vrs.example {SAID[index]}", at)
    if state in ("failed", "app_deployed", "dns_configured", "waiting_for_customer", "waiting_for_capacity"):
        _open(batch, project_id, WAY[steps], state, began + timedelta(minutes=2))
    if steps:
        _made(batch, project_id, slug, began)
    if state == "cancelled":
        batch.add(
            "INSERT INTO cancellations (project_id, reason, requested_by, undone)"
            " VALUES (:id, 'ordered twice', 'anna', '{dns,deploy,bootstrap}')",
            id=project_id,
        )
    return project_id


def _open(batch: Batch, project_id: UUID, consumer: str, state: str, at: datetime) -> None:
    step = {"failed": "dead", "app_deployed": "running"}.get(state, "waiting" if "dns" in state else "parked")
    code, reason = _DEAD.get(consumer, ("", "")) if step == "dead" else ("", "not visible at ns1.example.org yet")
    event = uuid4()
    if step == "dead":
        logged(batch, project_id, consumer, "dead", reason, at, event=event, code=code)
    batch.add(
        "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at, reason, deaths)"
        " VALUES (:consumer, :event, :id, '{}', CAST(:state AS step_state), 3, nextval('step_tokens'), :due, :reason,"
        " :deaths)",
        consumer=consumer,
        event=event,
        id=project_id,
        state=step,
        due=at if step == "dead" else datetime.now(UTC) + timedelta(minutes=1),
        reason=reason,
        deaths=int(step == "dead"),
    )


def _made(batch: Batch, project_id: UUID, slug: str, at: datetime) -> None:
    for kind, content in (("A", "203.0.113.10"), ("AAAA", "2001:db8::10")):
        batch.add(
            "INSERT INTO dns_records (project_id, name, type, content, ttl, holder, zone, record_id, intended_at)"
            " VALUES (:id, :name, CAST(:kind AS dns_record_type), :content, 300, 'inwx', 'vrs.example', '1', :at)",
            id=project_id,
            name=f"{slug}.vrs.example",
            kind=kind,
            content=content,
            at=at,
        )
    batch.add(
        "INSERT INTO mails (message_id, project_id, event_id, recipient, subject, sent_at, kind, facts)"
        " VALUES (:message, :id, gen_random_uuid(), 'customer', 'Ihre Bestellung', :at, 'ordered', '{}')",
        message=str(uuid4()),
        id=project_id,
        at=at + timedelta(minutes=3),
    )


def logged(
    batch: Batch,
    project_id: UUID,
    consumer: str,
    status: str,
    message: str,
    at: datetime,
    *,
    event: UUID | None = None,
    code: str | None = None,
) -> None:
    """Write a log row."""
    batch.add(
        "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message, detail,"
        " started_at, duration_ms, at) VALUES (:id, :service, :consumer, :step, CAST(:status AS log_status), 1, :event,"
        " :message, CAST(:detail AS jsonb), :began, 28000, :at)",
        id=project_id,
        service=consumer.partition(".")[0],
        consumer=consumer,
        step=consumer.partition(".")[2],
        status=status,
        event=event or uuid4(),
        message=message,
        detail=json.dumps({"code": code} if code else {}),
        began=at - timedelta(seconds=28),
        at=at,
    )
