"""A live project is given domains, loses them, changes its primary one: dns, deploy, bootstrap and notify together."""

from uuid import uuid4

from contracts import AppRouted, CloudEvent, CoreHealthy, DomainConnected, ProvisioningFailed
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.notify.app import notify
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.facts import CUSTOMER
from tests.choreography.system import System
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.shared.messaging.harness import until


async def is_routed(system: System, story: Story, *, revision: int) -> CloudEvent[AppRouted]:
    """Wait until bootstrap has seen this revision of the routes work."""

    async def is_so() -> bool:
        routed = [event for event in system.said(AppRouted, story) if event.data.revision == revision]
        return bool(routed) and bool(await system.log("bootstrap.app-routed", routed[0])) and not await settling()

    async def settling() -> list[object]:
        return await system.sql("SELECT 1 FROM open_steps WHERE state <> 'dead'")

    await until(is_so, within=60)
    return next(event for event in system.said(AppRouted, story) if event.data.revision == revision)


async def is_told(mailbox: Mailbox, subject: str) -> bool:
    """Whether the customer has exactly one letter of this subject."""
    return [mail["subject"] for mail in await mailbox.mails(CUSTOMER.email)].count(subject) == 1


async def test_an_added_domain_works_becomes_primary_and_goes_again(
    system: System, inwx: Inwx, coolify: Deployments, cores: Cores, mailbox: Mailbox
) -> None:
    await system.seed()
    story, domain = Story(), f"zweite-{uuid4().hex[:8]}.example"
    names = [domain, f"www.{domain}"]
    await inwx.set(zone={"account": "demo", "domain": domain})
    async with system.running(dns, deploy, bootstrap, notify):
        await system.publish(story.ordered())
        await system.hears(CoreHealthy, story)
        await system.publish(story.added(domain, primary=True))
        connected = await system.hears(DomainConnected, story)
        await is_routed(system, story, revision=2)
        [app] = await coolify.applications(story)
        assert app["fqdn"] == ",".join(f"https://{host}" for host in (story.fqdn, *names))
        assert app["env"]["VRS_PRIMARY_HOST"] == domain
        assert {name for name, _, _ in await inwx.records(zone=domain)} == set(names)
        await until(lambda: is_told(mailbox, f"{domain} ist jetzt erreichbar"), within=60)
        await system.publish(story.primary_changed(story.fqdn))
        await is_routed(system, story, revision=3)
        await system.publish(story.removed(domain))
        routed = await is_routed(system, story, revision=4)
        assert (routed.data.primary, len(routed.data.domains)) == (story.fqdn, 1)
        assert await cores.hosts() == [story.fqdn]
        assert await inwx.records(zone=domain) == []
        await system.publish(story.added(domain))
        await is_routed(system, story, revision=5)
        assert await system.state(story) == ProvisioningState.LIVE
        await system.publish(story.cancelled())
        await system.becomes(ProvisioningState.CANCELLED, story)
    assert len(system.said(DomainConnected, story)) == 2
    assert connected.data.since == 1
    assert system.said(ProvisioningFailed, story) == []
    assert (await inwx.records(zone=domain), await inwx.records(story), await cores.hosts()) == ([], [], [])
    for table in ("added_domains", "project_domains", "dns_records", "app_routes", "watched_domains"):
        assert await system.sql(f"SELECT 1 FROM {table}") == [], table
