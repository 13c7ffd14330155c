"""Every service under a user and a role of its own: that is enough for all its work, and for nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiormq
import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from contracts import (
    AppDeployed,
    AppRouted,
    CoreHealthy,
    DnsConfigured,
    DomainConnected,
    ProjectOrdered,
    ServiceName,
)
from ops.orders import place
from ops.secrets import made_up
from ops.stack import Stack
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.marketplace.app import marketplace
from services.marketplace.feed import Feed
from services.marketplace.webhooks.deliver import Courier
from services.marketplace.webhooks.secrets import Seal
from services.marketplace.webhooks.send import WebhookClient
from services.notify.app import notify
from shared.dead_letters.queues import LOCK
from shared.measure import measure
from shared.messaging.runtime import Runtime, running
from shared.metrics import REGISTRY
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.roles import amqp_of, database_of
from tests.choreography.system import System
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.conftest import open_at
from tests.erlang import evaluate, own_node
from tests.services.marketplace.api import running_api
from tests.shared.messaging.harness import Harness, order, until

REFUSED = aiormq.exceptions.ChannelAccessRefused


async def ignore(message: aiormq.abc.DeliveredMessage) -> None:
    """A consumer that never gets anything."""


@asynccontextmanager
async def all_as_themselves(system: System, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Run every service, each with its own user and role."""
    async with AsyncExitStack() as stack:
        runtimes: list[Runtime] = []
        for build in (dns, deploy, bootstrap, notify, marketplace):
            name = ServiceName(build.__name__)
            url = database_of(system.database.listen_url, name)
            monkeypatch.setenv("VRS_DATABASE_URL", url)
            service = await stack.enter_async_context(build())
            database = open_at(url)
            stack.push_async_callback(database.engine.dispose)
            runtime = running(service, database, amqp_url=amqp_of(system.amqp_url, name))
            runtimes.append(await stack.enter_async_context(runtime))
        await until(lambda: not any(runtime.not_ready for runtime in runtimes), within=30)
        for each in runtimes:
            await measure(each.database, each.service)
            assert REGISTRY.get_sample_value("vrs_database_up") == 1, each.service.name
        yield


async def test_an_order_goes_live_and_is_cancelled_with_the_least_rights(
    users: None,
    system: System,
    inwx: Inwx,
    coolify: Deployments,
    cores: Cores,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story()
    await system.seed()
    await system.sql(
        "INSERT INTO webhook_endpoints (id, url, events, secret, created_by)"
        " VALUES (gen_random_uuid(), 'https://hooks.invalid/', '{}', '', 'test')"
    )
    async with all_as_themselves(system, monkeypatch):
        await place(system.database, [story.ordered()])
        healthy = await system.hears(CoreHealthy, story)
        await system.logged("notify.core-healthy", healthy, "completed")
        await inwx.set(zone={"account": "demo", "domain": story.second})
        await system.publish(story.added(story.second, primary=True))
        connected = await system.hears(DomainConnected, story)
        await system.logged("notify.domain-connected", connected, "completed")
        await until(lambda: len(system.said(AppRouted, story)) == 2, within=30)
        await system.publish(story.primary_changed(story.fqdn))
        await until(lambda: len(system.said(AppRouted, story)) == 3, within=30)
        await system.publish(story.removed(story.second))
        await until(lambda: len(system.said(AppRouted, story)) == 4, within=30)
        await system.publish(story.cancelled())
        await system.becomes(ProvisioningState.CANCELLED, story)
        async with system.database.autocommit.connect() as connection:
            await until(lambda: connection.scalar(text("SELECT count(*) = 0 FROM outbox")), within=20)
    collected = {row.type for row in await system.sql("SELECT type FROM webhook_deliveries")}
    assert {event.type for event in (ProjectOrdered, DnsConfigured, AppDeployed, CoreHealthy)} < collected
    assert await inwx.records() == []


async def test_dns_cannot_say_what_others_say_and_cannot_touch_their_queues(users: None, system: System) -> None:
    body = Story().ordered().encode()
    async with await aiormq.connect(amqp_of(system.amqp_url, ServiceName.DNS)) as connection:

        async def refused(work: Callable[[aiormq.abc.AbstractChannel], Awaitable[object]]) -> None:
            channel = await connection.channel()
            with pytest.raises(REFUSED):
                await work(channel)

        def says(routing_key: str, exchange: str = "vrs.events") -> Callable[..., Awaitable[object]]:
            return lambda channel: channel.basic_publish(body, exchange=exchange, routing_key=routing_key)

        await says(DnsConfigured.routing_key())(await connection.channel())
        await refused(says(CoreHealthy.routing_key()))
        await refused(says("deploy.dns-configured", exchange="vrs.to"))
        await refused(says("deploy.dns-configured", exchange="vrs.dead"))
        await refused(says("deploy.dns-configured", exchange=""))
        await refused(lambda channel: channel.basic_consume("deploy.dns-configured", ignore))
        await (await connection.channel()).basic_get("notify.dead")  # where a contact may lie that it is to forget
        await refused(lambda channel: channel.basic_get("deploy.dead"))
        await refused(lambda channel: channel.queue_declare(LOCK, exclusive=True))
        await refused(lambda channel: channel.queue_delete("deploy.dns-configured"))
        await refused(lambda channel: channel.queue_bind("dns.project-ordered", "vrs.events", "core.healthy.v1"))
        await refused(lambda channel: channel.queue_declare("dns.anything"))
        await refused(lambda channel: channel.exchange_delete("vrs.events"))


async def test_a_right_that_an_upgrade_left_out_is_named_with_its_remedy_and_all_else_goes_on(
    users: None, system: System, stack: Stack
) -> None:
    dns_user = amqp_of(system.amqp_url, ServiceName.DNS)
    harness = Harness(system.database, dns_user, system.channel)

    async def may(queues: str) -> None:
        own = f"{queues}|dns[.]dead"
        rights = ", ".join(f'<<"^({each})$">>' for each in (own, *[f"{own}|vrs[.](events|to|dead)"] * 2))
        set_rights = f'rabbit_auth_backend_internal:set_permissions(<<"vrs-dns">>, <<"/">>, {rights}, <<"test">>)'
        await evaluate(own_node(stack), f"ok = {set_rights}")

    await may("dns[.]project-ordered")
    async with running(harness.service(), system.database, amqp_url=dns_user) as runtime:
        await until(lambda: len(runtime.not_ready) == 1 and "ACCESS_REFUSED" in runtime.not_ready[0])
        assert runtime.not_ready[0].startswith("dns.project-cancelled is not subscribed: ")
        assert "`vrs topology grants`" in runtime.not_ready[0]
        event = order()
        await harness.publish(event)
        await harness.logged(event.subject, "completed")
        await may("dns[.]project-(ordered|cancelled)")
        await until(lambda: not runtime.not_ready)


async def lies(system: System, letters: int) -> bool:
    """Whether so many dead letters of dns lie in their queue."""
    return bool((await system.channel.queue_declare("dns.dead", passive=True)).message_count == letters)


async def test_a_failed_step_is_retried_over_http_with_the_least_rights(
    users: None,
    system: System,
    inwx: Inwx,
    coolify: Deployments,
    cores: Cores,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story()
    await system.seed()
    await inwx.break_("nameserver.createRecord", "refused", code=2201)
    own = open_at(database_of(system.database.listen_url, ServiceName.MARKETPLACE))
    amqp_url = amqp_of(system.amqp_url, ServiceName.MARKETPLACE)
    async with all_as_themselves(system, monkeypatch), running_api(system.database, amqp_url) as api:
        api.app.state.database = own
        await place(system.database, [story.ordered()])
        await system.becomes(ProvisioningState.FAILED, story)
        await until(lambda: lies(system, 1))  # said after the commit that made the project fail
        await inwx.mend()
        path = f"/projects/{story.project_id}/retry"
        answer = await api.call("POST", path, json={"reason": "INWX is back"})
        assert (answer.status_code, len(answer.json()["retried"])) == (202, 1), answer.text
        await system.becomes(ProvisioningState.LIVE, story)
        await until(lambda: lies(system, 0))
    await own.engine.dispose()


async def test_everything_is_asked_of_the_api_with_the_least_rights(users: None, system: System) -> None:
    own = open_at(database_of(system.database.listen_url, ServiceName.MARKETPLACE))
    key = SecretStr(made_up())
    async with running_api(system.database, webhook_key=key) as api:
        api.app.state.database, api.app.state.feed = own, Feed(own)

        async def ask(method: str, path: str, status: int, **body: Any) -> Any:
            answer = await api.call(method, path, json=body or None)
            assert answer.status_code == status, (path, answer.text)
            return answer.json() if answer.content else None

        await api.sql("INSERT INTO bundle_plugins (bundle, plugin, version) VALUES ('all', 'shop', '1.0.0')")
        named = {"slug": None, "name": "Bäckerei", "bundles": ["all"]}
        project = f"/projects/{await api.ordered(**named)}"
        await api.ordered(base_domain=None, own_domain="sommer.example")
        for path in ("/projects?q=b", project, f"{project}/log", "/capacity", "/servers", "/base-domains"):
            await ask("GET", path, 200)
        await ask("GET", "/availability/slug?name=baeckerei&base_domain=vrs.example", 200)
        server = {"name": "t-1", "coolify_uuid": "k8w0", "region": "fsn1", "ipv4": "203.0.113.20", "capacity": 3}
        await ask("POST", "/servers", 201, **server)
        await ask("PATCH", "/servers/t-1", 200, state="draining")
        await ask("DELETE", "/servers/t-1", 204)
        await ask("PUT", "/base-domains/new.example", 201)
        await ask("DELETE", "/base-domains/new.example", 204)
        preview = await ask("POST", f"{project}/previews", 201, hours=1)
        assert (await api.http.get(urlsplit(preview["link"]).path)).status_code == 303
        await ask("GET", f"{project}/previews", 200)
        await ask("DELETE", f"{project}/previews/{preview['id']}", 204)
        webhook = f"/webhooks/{(await ask('POST', '/webhooks', 201, url='https://hooks.invalid/'))['id']}"
        await ask("POST", f"{webhook}/secret", 200, hours=1)
        await ask("PATCH", webhook, 200, events=["vrs.project.cancelled.v1"])
        await api.sql("UPDATE projects SET provisioning_state = 'live'")
        await ask("POST", f"{project}/domains", 202, domain="zweite.example")
        await ask("PUT", f"{project}/domains/primary", 202, domain="zweite.example")
        await ask("DELETE", f"{project}/domains/zweite.example", 202)
        await ask("GET", f"{project}/domains", 200)
        await ask("POST", f"{project}/cancellation", 202, reason="twice")
        async with asyncio.TaskGroup() as tasks:
            await Courier(own, Seal(key), WebhookClient()).look(tasks)
        [delivery] = (await ask("GET", f"{webhook}/deliveries", 200))["deliveries"]
        assert "hooks.invalid" in delivery["tries"][0]["problem"]
        await ask("POST", f"{webhook}/deliveries/{delivery['id']}/retry", 202)
        await ask("DELETE", webhook, 204)
    await own.engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM licenses",
        "SELECT * FROM mails",
        "SELECT * FROM deployments",
        "UPDATE projects SET slug = 'mine'",
        "DELETE FROM projects",
        "DELETE FROM provisioning_log",
        "UPDATE provisioning_log SET message = 'nothing happened'",
        "UPDATE servers SET capacity = 1000",
        "DELETE FROM cancellations",
        "CREATE TABLE mine (id int)",
        "CREATE ROLE mine",
    ],
)
async def test_dns_cannot_read_or_write_what_is_not_its_business(users: None, system: System, statement: str) -> None:
    connection = await asyncpg.connect(database_of(system.database.listen_url, ServiceName.DNS))
    try:
        await connection.execute("SELECT * FROM servers")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()
