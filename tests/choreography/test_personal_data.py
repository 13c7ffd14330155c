"""Where a customer's contact stands while a project lives, and that it stands nowhere once it is forgotten."""

import asyncio
import json
import re
import shlex
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from contracts import CloudEvent, Contact, CoreHealthy, ProjectOrdered, ServiceName
from ops.contracts.system import build_services
from ops.grants import apply
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.dns.retention import forget_who_is_due
from services.notify.app import notify
from shared.dead_letters.audit import Operator
from shared.dead_letters.edit import body_of, data_of, edited, send_edited, with_values
from shared.dead_letters.queues import holding
from shared.dead_letters.view import look
from shared.messaging.topology import dead_queue, declare
from shared.models import (
    DomainRegistration,
    DomainTransfer,
    ProjectNote,
    ProvisioningState,
    RegistrationStage,
    StaffAction,
    StaffActionKind,
    TransferStage,
    WebhookDelivery,
)
from tests.choreography.events import Story
from tests.choreography.facts import CUSTOMER
from tests.choreography.roles import database_of
from tests.choreography.system import System
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.examples.documents import blocks
from tests.ops.conftest import Vrs, vrs  # noqa: F401 - a fixture
from tests.shared.messaging.harness import until
from tests.stored import tables_with

ORDERED = "dns.project-ordered"
CONFIRMED = "notify.project-ordered"
SERVICES = (dns, deploy, bootstrap, notify)
HOLDERS = {
    "project_orders",
    "said_events",
    "outbox",
    "dead_letter_archive",
    "desk_actions",
    "dead_letter_notes",
    "open_steps",
}
"""Where docs/personal-data.md says that a contact may stand: the desk's tables what operators wrote."""


def of(story: Story, contact: Contact) -> CloudEvent[ProjectOrdered]:
    """The customer's order."""
    event = story.ordered()
    return event.model_copy(update={"data": event.data.model_copy(update={"customer": contact})})


def broken(event: CloudEvent[ProjectOrdered], contact: Contact) -> bytes:
    """The order again, by a publisher who got the customer wrong."""
    raw = json.loads(event.encode()) | {"id": str(uuid4())}
    raw["data"]["customer"] = {"name": f"{contact.name}\t", "email": f"{contact.name}@{contact.name}@example.org"}
    return json.dumps(raw).encode()


async def written_elsewhere(system: System, story: Story, order: CloudEvent[ProjectOrdered]) -> None:
    """What the admin UI, a webhook and a domain's registration hold of the customer."""
    contact = order.data.customer
    written = (
        ProjectNote(project_id=story.project_id, by="alice", text=f"{contact.email} is wrong"),
        StaffAction(
            by="bob", kind=StaffActionKind.NOTED, project_id=story.project_id, subject="p", reason=contact.name
        ),
        WebhookDelivery(endpoint_id=uuid4(), event_id=order.id, type=order.type, body=order.encode()),
        DomainTransfer(
            project_id=story.project_id,
            domain=f"{story.slug}-moves.example",
            stage=TransferStage.REQUESTED,
            auth_code=b"sealed",
            registrant={"name": contact.name, "email": contact.email},
            max_cents=1,
            zone_made=False,
            kept_records=[],
        ),
        DomainRegistration(
            project_id=story.project_id,
            domain=f"d{uuid4().hex}.example",
            stage=RegistrationStage.REQUESTED,
            registrant={"name": contact.name, "email": contact.email, "street": f"{contact.name} 1"},
            max_cents=0,
            zone_made=False,
        ),
    )
    async with AsyncSession(system.database.engine) as session, session.begin():
        session.add_all(written)


async def lying(system: System, *words: str) -> int:
    """How many dead letters tell one of `words`."""
    async with holding(system.amqp_url) as held:
        return sum(any(word in f"{letter.body!r} {letter.headers}" for word in words) for letter in held.letters)


async def lie(system: System, *words: str) -> bool:
    """Whether one of dns and one of notify do. Looking hides them for a moment, so the queues are counted first."""
    return await ready(system) >= 2 and await lying(system, *words) == 2


async def ready(system: System) -> int:
    """How many dead letters lie in the queues of dns and notify."""
    queues = [dead_queue(service).name for service in (ServiceName.DNS, ServiceName.NOTIFY)]
    return sum([(await system.channel.queue_declare(each, passive=True)).message_count or 0 for each in queues])


async def has_letter(system: System) -> bool:
    return await ready(system) == 1


async def test_a_contact_stands_where_it_must_and_after_vrs_forget_nowhere(
    system: System,
    inwx: Inwx,
    coolify: Deployments,
    cores: Cores,
    mailbox: Mailbox,
    vrs: Vrs,  # noqa: F811
    capfd: pytest.CaptureFixture[str],
) -> None:
    story, name, domain = Story(), f"Nora{uuid4().hex[:12]}", f"d{uuid4().hex[:12]}.example"
    first = Contact(name=f"{name} Sommer", email=f"wrong.{name}@{domain}")
    contact = first.model_copy(update={"email": f"{name}@{domain}"})
    order = of(story, first)
    words = (name, name.lower(), domain)

    urls = {"VRS_AMQP_URL": system.amqp_url, "VRS_DATABASE_URL": system.database.listen_url}
    async with system.running(*SERVICES):
        await system.publish(order)  # no base domain is ours yet
        await system.logged(ORDERED, order, "dead")
        await system.seed()
        await until(lambda: has_letter(system))  # an edit takes away only what is in the queue by then
        [letter] = [
            each for each in (await look(system.database, system.amqp_url)).letters if each.event_id == order.id
        ]
        body = await body_of(system.database, system.amqp_url, letter)
        copy = edited(letter, body, with_values(data_of(body), {"customer.email": contact.email}))
        await send_edited(system.database, system.amqp_url, copy, Operator(name="alice", reason="wrong address"))
        healthy = await system.hears(CoreHealthy, story)
        await system.logged("notify.core-healthy", healthy, "completed")
        await system.sql(
            "INSERT INTO dead_letter_notes (subject, note) VALUES (:subject, :note)",
            subject=f"{ORDERED}/{order.id}",
            note=f"{first.name} called",
        )
        await system._send("vrs.to", ORDERED, broken(order, contact), {})
        await system._send("vrs.to", CONFIRMED, broken(order, contact), {})
        await until(lambda: refused_at(system, story))
        live = await tables_with(system.database, *words)
        refused = await vrs("forget", story.slug, **urls)
        assert (refused.code, "vrs cancel" in refused.err) == (1, True)
        await system.publish(cancelled := story.cancelled())
        await system.becomes(ProvisioningState.CANCELLED, story)
        await system.logged("notify.project-cancelled", cancelled, "completed")
        await until(lambda: is_silent(system))
    assert len(await mailbox.mails(contact.email)) == 2  # live, cancelled
    assert live <= HOLDERS | {"provisioning_log"}  # the log by the domain: n…@domain
    assert "provisioning_log" not in await tables_with(system.database, name)
    assert {name in str(event.data) for event in system.heard if event.type != ProjectOrdered.type} == {False}

    await written_elsewhere(system, story, order)

    await until(lambda: lie(system, *words))  # the queue counts letters that somebody has looked at a moment later
    [(_, script)] = blocks("docs/personal-data.md")
    dry_run, in_earnest = script.replace("baeckerei-sommer", story.slug).splitlines()
    told = (await vrs(*shlex.split(dry_run)[1:], **urls)).out
    assert {"project_orders: 1", "dead_letter_archive: 1", "dead letters in RabbitMQ: 2"} <= set(
        re.findall(r"would be removed from (.*?: \d+)", told)
    )
    assert await lying(system, *words) == 2
    done_before = await system.sql("SELECT consumer, event_id FROM provisioning_log WHERE status = 'completed'")
    done = await vrs(*shlex.split(in_earnest)[1:], "--by", "alice", **urls)
    assert done.code == 0, done.err
    assert await tables_with(system.database, *words) == set()
    assert await lying(system, *words) == 0
    assert await system.sql("SELECT auth_code, registrant FROM domain_transfers") == [(None, None)]
    assert await system.sql("SELECT vrs_forget(:id, 'b', 'again')", id=story.project_id) == [({},)]
    rows = await system.sql("SELECT consumer, event_id, message FROM provisioning_log WHERE status = 'completed'")
    assert {tuple(row[:2]) for row in rows} == {*map(tuple, done_before), ("dns.forget", None)}
    assert [row.message for row in rows if row.event_id is None] == [
        "the customer's contact was removed (alice): asked for it on the phone"
    ]
    assert name not in "".join(capfd.readouterr())


async def test_dns_forgets_by_itself_whose_project_was_cancelled_long_ago_and_with_its_own_rights(
    system: System, inwx: Inwx, coolify: Deployments, cores: Cores, mailbox: Mailbox
) -> None:
    old, young, alive = Story(), Story(), Story()
    for story in (old, young):
        await system.know(story, ProvisioningState.CANCELLED)
    await system.know(alive, ProvisioningState.CANCELLING)
    for story, days in ((old, 91), (young, 89), (alive, 91)):
        await system.sql(
            "INSERT INTO cancellations (project_id, reason, requested_by, at)"
            " VALUES (:id, 'r', 'b', now() - make_interval(days => :days))",
            id=story.project_id,
            days=days,
        )
    await declare(system.channel, [dead_queue(ServiceName.NOTIFY)])
    await system._send("vrs.dead", CONFIRMED, old.ordered().encode(), {})
    await until(lambda: lying(system, CUSTOMER.email))
    assert await forget_who_is_due(system.database.engine, system.amqp_url, keep=timedelta(days=90)) == 1
    rows = await system.sql("SELECT project_id, customer_email FROM project_orders")
    assert {row.project_id for row in rows if not row.customer_email} == {old.project_id}
    assert await lying(system, CUSTOMER.email) == 0

    await apply(system.database.engine, await build_services(), {})
    as_dns = await asyncpg.connect(database_of(system.database.listen_url, ServiceName.DNS))
    as_notify = await asyncpg.connect(database_of(system.database.listen_url, ServiceName.NOTIFY))
    try:
        contact = "SELECT addresses FROM vrs_contact_of($1)"
        assert CUSTOMER.email in await as_dns.fetchval(contact, young.project_id)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_notify.fetchval(contact, young.project_id)
        assert await as_dns.fetchval("SELECT vrs_forget($1, 'dns', 'late')", young.project_id) != "{}"
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await as_dns.fetchval("SELECT vrs_forget($1, 'dns', 'late')", alive.project_id)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_notify.fetchval("SELECT vrs_forget($1, 'notify', 'late')", alive.project_id)
    finally:
        await asyncio.gather(as_dns.close(), as_notify.close())


async def refused_at(system: System, story: Story) -> bool:
    """Whether the order that breaks its contract was refused, by dns and by notify."""
    rows = await system.sql(
        "SELECT 1 FROM provisioning_log WHERE project_id = :id AND detail ->> 'code' = 'contract_invalid'",
        id=story.project_id,
    )
    return len(rows) == 2


async def is_silent(system: System) -> bool:
    """Whether everything is said and nothing is open but what is dead."""
    [(open_steps, unsaid)] = await system.sql(
        "SELECT (SELECT count(*) FROM open_steps WHERE state <> 'dead'), (SELECT count(*) FROM outbox)"
    )
    return (open_steps, unsaid) == (0, 0)
