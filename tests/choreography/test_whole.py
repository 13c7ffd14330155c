"""All five services at once: from an order to a live project, one order and many, with waits and a way back."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from contracts import (
    AppDeployed,
    AppRemoved,
    CapacityNeeded,
    CoreHealthy,
    CoreRetired,
    DnsConfigured,
    DnsRecordsNeeded,
    DnsReleased,
    Plugin,
)
from ops.orders import place
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.marketplace.app import marketplace
from services.notify.app import notify
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.facts import CUSTOMER, PLUGINS
from tests.choreography.system import System
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.shared.messaging.harness import until

SERVICES = (dns, deploy, bootstrap, notify, marketplace)
ORDERED, LIVE = "dns.project-ordered", "notify.core-healthy"


async def test_an_order_becomes_a_live_project_with_each_thing_done_once(
    system: System, inwx: Inwx, coolify: Deployments, mailbox: Mailbox
) -> None:
    story = Story()
    async with whole(system):
        await place(system.database, [order := story.ordered()])
        healthy = await system.hears(CoreHealthy, story)
        await system.logged(LIVE, healthy, "completed")
        await until(lambda: is_at_rest(system))
    assert healthy.data.plugins == PLUGINS
    assert await system.state(story) == ProvisioningState.LIVE
    assert await licenses(system) == [(plugin.name, ["pending", "active"]) for plugin in sorted_by_name(PLUGINS)]
    assert await inwx.records() == [(story.fqdn, "A", "203.0.113.10"), (story.fqdn, "AAAA", "2001:db8::10")]
    [app] = await coolify.applications()
    assert (app["fqdn"], app["status"], app["deployment_count"]) == (f"https://{story.fqdn}", "running:healthy", 1)
    mails = await mailbox.mails()
    assert {mail["subject"] for mail in mails} == {
        f"Ihre Bestellung {story.fqdn} ist eingegangen",
        f"{story.fqdn} ist online",
    }
    assert [mail["to"] for mail in mails] == [[CUSTOMER.email]] * 2
    [configured], [deployed] = system.said(DnsConfigured, story), system.said(AppDeployed, story)
    assert [configured.causationid, deployed.causationid, healthy.causationid] == [order.id, configured.id, deployed.id]
    assert {each.correlation_id for each in (configured, deployed, healthy)} == {order.correlation_id}


async def test_twenty_orders_at_once_become_live_on_three_servers(
    system: System, inwx: Inwx, coolify: Deployments, mailbox: Mailbox
) -> None:
    stories = [Story() for _ in range(20)]

    async def are_live() -> bool:
        return Counter(await states(system)) == {ProvisioningState.LIVE: 20}

    async with whole(system, servers=3, capacity=7):
        await place(system.database, [story.ordered() for story in stories])
        await until(are_live, within=30)
        await until(lambda: is_at_rest(system))
    assert sorted(await used(system)) == [6, 7, 7]
    apps = await coolify.applications()
    assert Counter(app["server"] for app in apps) == Counter(await placed(system))
    assert [app["deployment_count"] for app in apps] == [1] * 20
    assert Counter(name for name, kind, _ in await inwx.records() if kind == "A") == Counter(
        story.fqdn for story in stories
    )
    mails = await mailbox.mails()
    assert len(mails) == len({mail["message_id"] for mail in mails}) == 2 * 20


async def test_a_domain_held_elsewhere_waits_for_its_owner_and_goes_on_by_itself(
    system: System, inwx: Inwx, coolify: Deployments, mailbox: Mailbox
) -> None:
    story = Story(own_domain="kunde.example")
    caa = {"name": "@", "type": "CAA", "content": '0 issue "ca.example"'}
    wrong = [{"name": "@", "type": "A", "content": "192.0.2.1"}, caa]
    await inwx.set(elsewhere={"zone": "kunde.example", "records": wrong})
    async with whole(system):
        await place(system.database, [order := story.ordered()])
        needed = await system.hears(DnsRecordsNeeded, story)
        await system.logged("notify.records-needed", needed, "completed")
        assert await system.state(story) == ProvisioningState.WAITING_FOR_CUSTOMER
        assert needed.data.found == ("kunde.example A 192.0.2.1",)
        [mail] = [mail for mail in await mailbox.mails() if "DNS-Einträge" in mail["subject"]]
        assert all(record.content in mail["text"] for record in needed.data.records)
        assert "verbietet Zertifikate von Let's Encrypt" in " ".join(mail["text"].split())
        assert await coolify.applications() == []
        await system.looks_again(order)
        records = [
            {"name": record.name, "type": record.type, "content": record.content} for record in needed.data.records
        ]
        await inwx.set(elsewhere={"zone": "kunde.example", "records": records})
        healthy = await system.hears(CoreHealthy, story)
        await system.logged(LIVE, healthy, "completed")
    assert [row.status for row in await system.log(ORDERED, order)][-1] == "completed"
    assert len(system.said(DnsRecordsNeeded, story)) == 1
    assert await inwx.records() == []
    assert len(await mailbox.mails()) == 3


async def test_an_order_without_a_free_place_goes_on_when_another_project_is_cancelled(
    system: System, inwx: Inwx, coolify: Deployments, mailbox: Mailbox
) -> None:
    first, second = Story(), Story()
    async with whole(system, capacity=1):
        await place(system.database, [first.ordered()])
        await system.becomes(ProvisioningState.LIVE, first)
        await place(system.database, [waiting := second.ordered()])
        await system.logged(ORDERED, waiting, "parked")
        assert await system.state(second) == ProvisioningState.WAITING_FOR_CAPACITY
        told = await system.hears(CapacityNeeded, second)
        assert [(each.server, each.verdict) for each in told.data.considered] == [("srv-tenants-1", "full")]
        await system.let_time_pass(waiting)  # it looks again, and nothing more is said
        await system.publish(first.cancelled())
        await system.becomes(ProvisioningState.LIVE, second)
        await system.becomes(ProvisioningState.CANCELLED, first)
        assert len(await system.said_in_all(CapacityNeeded, second)) == 1
        await until(lambda: is_at_rest(system))
    assert await used(system) == [1]
    [mail] = await mailbox.mails("team@vrs.example")
    assert mail["subject"] == f"Kein Platz auf den Servern: {second.fqdn} wartet"
    assert {name for name, _, _ in await inwx.records()} == {second.fqdn}
    assert [app["fqdn"] for app in await coolify.applications()] == [f"https://{second.fqdn}"]


async def test_a_cancelled_project_leaves_nothing_anywhere_and_is_told(
    system: System, inwx: Inwx, coolify: Deployments, cores: Cores, mailbox: Mailbox
) -> None:
    story = Story()
    async with whole(system):
        await place(system.database, [story.ordered()])
        await system.becomes(ProvisioningState.LIVE, story)
        await until(lambda: is_at_rest(system))
        await system.publish(cancellation := story.cancelled())
        await system.becomes(ProvisioningState.CANCELLED, story)
        await system.logged("notify.project-cancelled", cancellation, "completed")
        undone = [await system.hears(contract, story) for contract in (DnsReleased, AppRemoved, CoreRetired)]
        await until(lambda: is_at_rest(system))
    assert {event.causationid for event in undone} == {cancellation.id}
    assert await inwx.records() == []
    assert await coolify.applications() == []
    assert await coolify.environments(story) == []
    assert await cores.hosts() == []
    assert await used(system) == [0]
    ended = ["pending", "active", "ended"]
    assert await licenses(system) == [(plugin.name, ended) for plugin in sorted_by_name(PLUGINS)]
    assert (await mailbox.mails())[-1]["subject"] == f"Ihr Projekt {story.fqdn} wird abgeschaltet"


@asynccontextmanager
async def whole(system: System, *, servers: int = 1, capacity: int = 10) -> AsyncIterator[None]:
    """Run all five services over a few servers; at the end nothing may be a dead letter."""
    await system.seed(servers=servers, capacity=capacity)
    async with system.running(*SERVICES):
        yield
        for service in ("dns", "deploy", "bootstrap", "notify"):
            declared = await system.channel.queue_declare(f"{service}.dead", passive=True)
            assert declared.message_count == 0


async def is_at_rest(system: System) -> bool:
    """Whether nothing is open and everything is said."""
    [(open_steps, unsaid)] = await system.sql("SELECT (SELECT count(*) FROM open_steps), (SELECT count(*) FROM outbox)")
    return (open_steps, unsaid) == (0, 0)


async def states(system: System) -> list[str]:
    return [row.provisioning_state for row in await system.sql("SELECT provisioning_state FROM projects")]


async def licenses(system: System) -> list[tuple[str, list[str]]]:
    """Each licence's plugin, and the states that it has had."""
    history = "SELECT l.plugin, array_agg(h.vrs_state::text ORDER BY h.id) FROM licenses l"
    rows = await system.sql(f"{history} JOIN license_history h ON h.license_id = l.id GROUP BY l.id ORDER BY 1")
    return [(plugin, states) for plugin, states in rows]


def sorted_by_name(plugins: Sequence[Plugin]) -> list[Plugin]:
    return sorted(plugins, key=lambda plugin: plugin.name)


async def used(system: System) -> list[int]:
    return [row.used for row in await system.sql("SELECT used FROM servers ORDER BY id")]


async def placed(system: System) -> list[str]:
    return [row.id for row in await system.sql("SELECT target ->> 'id' AS id FROM placements")]
