"""dns hears DomainAdded, DomainRemoved, PrimaryDomainChanged and DomainConnected, of a project that is live."""

from typing import Any
from uuid import uuid4

from contracts import CloudEvent, DnsConfigured, DnsRecordsNeeded, RoutesChanged, ServiceName
from services.dns.app import dns
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.facts import SERVER
from tests.choreography.system import System
from tests.choreography.vendors import Inwx
from tests.shared.messaging.harness import until
from tests.simulators.inwx_api import Inwx as Api

ADDED = "dns.domain-added"
REMOVED = "dns.domain-removed"
CHOSEN = "dns.primary-changed"
CONNECTED = "dns.domain-connected"
CREATE = "nameserver.createRecord"


async def live(system: System, *, servers: int = 1) -> Story:
    """A project that dns has configured, and that went live."""
    story = Story()
    if not await system.sql("SELECT 1 FROM servers"):
        await system.seed(servers=servers)
    await system.publish(story.ordered())
    await system.hears(DnsConfigured, story)
    await goes_live(system, story)
    return story


async def goes_live(system: System, story: Story) -> None:
    await system.sql("UPDATE projects SET provisioning_state = 'live' WHERE vrs_id = :id", id=story.project_id)


async def ours(inwx: Inwx) -> str:
    """A domain whose zone is in our account."""
    domain = f"mehr-{uuid4().hex[:8]}.example"
    await inwx.set(zone={"account": "demo", "domain": domain})
    return domain


async def done(system: System, consumer: str, event: CloudEvent[Any]) -> str:
    """Wait, hurrying, until the step is completed; return what its last log row says."""
    await system.tries(consumer, event)
    message: str = (await system.log(consumer, event))[-1].message
    return message


async def parks(system: System, event: CloudEvent[Any]) -> None:
    """Wait, hurrying, until the event's step is parked."""

    async def is_so() -> bool:
        await system.let_time_pass(event)
        return [step.state for step in await system.open_steps(event)] == ["parked"]

    await until(is_so)


async def routes(system: System, story: Story, revision: int) -> CloudEvent[RoutesChanged]:
    """Wait for what dns says of this revision, once."""
    await system.said_in_all(RoutesChanged, story)
    [event] = [event for event in system.said(RoutesChanged, story) if event.data.revision == revision]
    return event


async def test_an_added_domain_gets_records_and_its_routes_are_told_once(system: System, inwx: Inwx) -> None:
    async with system.running(dns):
        story, domain = await live(system), await ours(inwx)
        added = story.added(domain)
        await system.publish(added, added)
        await done(system, ADDED, added)
        await system.publish(added)
        await system.is_claimed(ADDED)
        said = await routes(system, story, 1)
    assert (said.causationid, said.correlationid) == (added.id, added.correlationid)
    assert said.data.domains == story.routed_domains(domain)
    assert (said.data.primary, said.data.server) == (story.fqdn, SERVER)
    hosts = (domain, f"www.{domain}")
    assert await inwx.records(zone=domain) == sorted(
        (host, kind, address) for host in hosts for kind, address in (("A", "203.0.113.10"), ("AAAA", "2001:db8::10"))
    )
    assert (await inwx.calls())[CREATE] == 6


async def test_wishes_before_the_project_is_live_wait_until_it_is(system: System, inwx: Inwx) -> None:
    story, domain = Story(), await ours(inwx)
    early: tuple[CloudEvent[Any], ...] = (
        story.added(domain),
        story.primary_changed(domain),
        story.connected(domain),
        story.removed(f"nie-{domain}"),
    )
    async with system.running(dns):
        await system.publish(*early)
        for consumer, event in zip((ADDED, CHOSEN, CONNECTED, REMOVED), early, strict=True):
            [row] = await system.logged(consumer, event, "waiting")
            assert row.message == "waits until the project is known"
        await system.seed()
        await system.publish(story.ordered())
        await system.hears(DnsConfigured, story)
        await parks(system, early[0])
        assert await inwx.records(zone=domain) == []
        await goes_live(system, story)
        await done(system, ADDED, early[0])
        told = await done(system, CHOSEN, early[1])
        await routes(system, story, 1)
    assert told == f"{domain} becomes the primary domain as soon as it works."


async def test_no_wish_has_an_effect_on_a_cancelled_project(system: System, inwx: Inwx) -> None:
    async with system.running(dns):
        story, domain = await live(system), await ours(inwx)
        await system.publish(added := story.added(domain))
        await done(system, ADDED, added)
        await system.end(story, ServiceName.DNS)
        assert await inwx.records(zone=domain) == []
        before = await inwx.calls()
        late: dict[str, CloudEvent[Any]] = {
            ADDED: story.added(domain),
            REMOVED: story.removed(domain),
            CHOSEN: story.primary_changed(domain),
            CONNECTED: story.connected(domain),
        }
        await system.publish(*late.values())
        assert all([await system.has_no_trace(consumer, event) for consumer, event in late.items()])
    assert await inwx.calls() == before
    assert await system.sql("SELECT 1 FROM added_domains") == []


async def test_wishes_outlast_trouble_at_inwx_and_what_it_refuses_is_a_dead_letter_whose_replay_goes_on(
    system: System, inwx: Inwx
) -> None:
    async with system.running(dns):
        story, domain = await live(system), await ours(inwx)
        await inwx.break_(CREATE, "error_after", times=1)
        await inwx.break_("nameserver.info", "refused", code=2400, times=1)
        await system.publish(added := story.added(domain))
        assert await system.tries(ADDED, added)
        assert len(await inwx.records(zone=domain)) == 4
        await inwx.break_("nameserver.deleteRecord", "refused", code=2201)
        await system.publish(removed := story.removed(domain))
        letter = await system.dies(REMOVED, removed, code="inwx_2201")
        assert await system.state(story) == ProvisioningState.LIVE
        await inwx.mend()
        await system.replay(letter)
        await done(system, REMOVED, removed)
        await inwx.break_(CREATE, "refused", code=2201)
        await system.publish(again := story.added(domain))
        letter = await system.dies(ADDED, again, code="inwx_2201")
        await inwx.mend()
        await system.replay(letter)
        await done(system, ADDED, again)
        said = await routes(system, story, 3)
    assert said.data.domains[1].since == 3
    assert len(await inwx.records(zone=domain)) == 4


async def test_a_domain_held_elsewhere_is_asked_for_and_goes_on_by_itself(system: System, inwx: Inwx) -> None:
    domain = f"fremd-{uuid4().hex[:8]}.example"
    wrong = {"name": "@", "type": "A", "content": "192.0.2.1"}
    await inwx.set(elsewhere={"zone": domain, "records": [wrong]})
    async with system.running(dns):
        story = await live(system)
        await system.publish(added := story.added(domain))
        needed = (await system.hears(DnsRecordsNeeded, story)).data
        await system.logged(ADDED, added, "parked")
        assert (needed.fqdn, needed.findings[0].found) == (domain, ("192.0.2.1",))
        [[findings]] = await system.sql("SELECT findings FROM added_domains")
        assert findings[0]["problem"] == "leads_elsewhere"
        assert await system.state(story) == ProvisioningState.LIVE
        records = [{"name": each.name, "type": each.type, "content": each.content} for each in needed.records]
        await inwx.set(elsewhere={"zone": domain, "records": records})
        await done(system, ADDED, added)
        await routes(system, story, 1)
        await system.publish(removed := story.removed(domain))
        await done(system, REMOVED, removed)
        assert (await routes(system, story, 2)).data.domains == story.routed_domains()
    assert len(system.said(DnsRecordsNeeded, story)) == 1
    assert await system.sql("SELECT 1 FROM dns_records WHERE name = :name", name=domain) == []


async def test_a_removed_domain_loses_exactly_our_records_and_others_may_have_it(system: System, inwx: Inwx) -> None:
    async with system.running(dns):
        story, domain = await live(system), await ours(inwx)
        await system.publish(added := story.added(domain))
        await done(system, ADDED, added)
        theirs = Api(inwx.inwx, inwx.http)
        await theirs.login()
        await theirs.create(f"mail.{domain}", domain=domain, name=domain, type="MX", prio=10)
        removed = story.removed(domain)
        await system.publish(removed, removed)
        await done(system, REMOVED, removed)
        await routes(system, story, 2)
        assert [kind for _, kind, _ in await inwx.records(zone=domain)] == ["MX"]
        other = await live(system)
        await system.publish(first := other.added(domain))
        await done(system, ADDED, first)
        await system.publish(mine := story.added(domain))
        await system.dies(ADDED, mine, code="host_taken")
    assert len([kind for _, kind, _ in await inwx.records(zone=domain) if kind != "MX"]) == 4


async def test_of_two_wishes_the_newer_counts_in_whatever_order_they_come(system: System, inwx: Inwx) -> None:
    async with system.running(dns):
        story, domain = await live(system), await ours(inwx)
        added, removed, again, gone = (
            story.added(domain),
            story.removed(domain),
            story.added(domain),
            story.removed(f"nie-{domain}"),
        )
        await system.publish(removed)
        await done(system, REMOVED, removed)
        await system.publish(added)
        assert await done(system, ADDED, added) == f"{domain}: a newer wish says otherwise."
        assert await inwx.records(zone=domain) == []
        await system.publish(again, gone)
        await done(system, ADDED, again)
        await done(system, REMOVED, gone)
        assert (await routes(system, story, 1)).data.domains == story.routed_domains(domain)
    assert await system.sql("SELECT host FROM project_domains WHERE host LIKE 'nie-%'") == []


async def test_the_primary_domain_changes_when_it_works_and_is_not_removed(system: System, inwx: Inwx) -> None:
    async with system.running(dns):
        story, domain = await live(system), await ours(inwx)
        unknown, added = story.primary_changed(domain), story.added(domain)
        await system.publish(unknown)
        await system.logged(CHOSEN, unknown, "waiting")
        await system.publish(added)
        await done(system, ADDED, added)
        await done(system, CHOSEN, unknown)
        stale, works = story.connected(domain, since=9), story.connected(domain)
        await system.publish(stale, works, works)
        await done(system, CONNECTED, stale)
        assert await done(system, CONNECTED, works) == f"{domain} works and is the primary domain."
        assert (await routes(system, story, 2)).data.primary == domain
        await system.publish(refused := story.removed(domain))
        letter = await system.dies(REMOVED, refused, code="domain_primary")
        await system.publish(ordered := story.removed(story.fqdn))
        await system.dies(REMOVED, ordered, code="domain_already")
        await system.publish(back := story.primary_changed(story.fqdn))
        await done(system, CHOSEN, back)
        assert (await routes(system, story, 3)).data.primary == story.fqdn
        await system.replay(letter)
        await done(system, REMOVED, refused)
        never = story.primary_changed("nie.example")
        await system.publish(never)
        await system.logged(CHOSEN, never, "waiting")
        await system.let_time_pass(never, deadline=True)
        await system.dies(CHOSEN, never, "waiting", code="deadline")
    assert await system.sql("SELECT host FROM project_domains WHERE is_primary") == [(story.fqdn,)]
