"""bootstrap hears AppRouted: it looks until each added domain works and the others redirect."""

from contracts import DomainConnected, ProvisioningFailed, ServiceName
from services.bootstrap.app import bootstrap
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Cores

ROUTED = "bootstrap.app-routed"
DEPLOYED = "bootstrap.app-deployed"
SECOND, THIRD = "zweite.example", "dritte.example"


async def live(system: System, cores: Cores) -> Story:
    story = Story()
    await system.know(story, ProvisioningState.APP_DEPLOYED)
    await cores.start(story)
    await system.publish(deployed := story.deployed())
    await system.logged(DEPLOYED, deployed, "completed")
    return story


async def test_a_domain_that_works_is_told_once_and_the_others_redirect(system: System, cores: Cores) -> None:
    async with system.running(bootstrap):
        story = await live(system, cores)
        await cores.start(story, added=(SECOND,), primary=SECOND)
        routed = story.routed(SECOND, primary=SECOND)
        await system.publish(routed, routed)
        said = await system.hears(DomainConnected, story)
        await system.logged(ROUTED, routed, "completed")
        await system.publish(routed, again := story.routed(SECOND, primary=SECOND))
        await system.tries(ROUTED, again)
        await system.said_in_all(DomainConnected, story)
        await system.hears(DomainConnected, story)
        newer = story.routed(revision=3)
        await cores.start(story)
        await system.publish(newer)
        await system.tries(ROUTED, newer)
        await system.publish(older := story.routed(SECOND, THIRD, revision=2))
        await system.tries(ROUTED, older)
    assert (said.data.domain, str(said.data.url), said.data.since) == (SECOND, f"https://{SECOND}/", 1)
    assert said.data.certificate_ends_at is not None
    assert (said.causationid, said.correlationid) == (routed.id, routed.correlationid)
    assert len(system.said(DomainConnected, story)) == 1


async def test_routes_before_the_project_is_live_wait_and_have_no_effect_after_its_end(
    system: System, cores: Cores
) -> None:
    story = Story()
    await cores.start(story, added=(SECOND,))
    async with system.running(bootstrap):
        await system.publish(early := story.routed(SECOND))
        [row] = await system.logged(ROUTED, early, "waiting")
        assert row.message == "waits until the project is known"
        await system.know(story, ProvisioningState.APP_DEPLOYED)
        await system.looks_again(early)
        assert await cores.looks() == 0
        await system.publish(story.deployed())
        await system.tries(ROUTED, early)
        await system.hears(DomainConnected, story)
        await system.end(story, ServiceName.BOOTSTRAP)
        await system.publish(late := story.routed(SECOND, THIRD, revision=2))
        assert await system.has_no_trace(ROUTED, late)
    assert await system.sql("SELECT 1 FROM watched_domains") == []


async def test_a_domain_without_a_certificate_keeps_no_other_waiting_and_ends_as_a_dead_letter_whose_replay_goes_on(
    system: System, cores: Cores
) -> None:
    async with system.running(bootstrap):
        story = await live(system, cores)
        await cores.start(story, added=(SECOND, THIRD))
        await cores.set(app_fault={"fqdn": f"www.{SECOND}", "kind": "wrong_certificate"})
        await system.publish(routed := story.routed(SECOND, THIRD))
        assert (await system.hears(DomainConnected, story)).data.domain == THIRD
        [row] = await system.logged(ROUTED, routed, "waiting")
        assert f"no valid certificate for www.{SECOND}" in row.message
        await system.let_time_pass(routed, deadline=True)
        letter = await system.dies(ROUTED, routed, "waiting", code="deadline")
        await cores.mend()
        await system.replay(letter)
        await system.tries(ROUTED, routed)
        said = await system.said_in_all(DomainConnected, story)
    assert sorted(event.data.domain for event in said) == [THIRD, SECOND]
    assert system.said(ProvisioningFailed, story) == []
    assert await system.state(story) == ProvisioningState.LIVE


async def test_an_address_that_does_not_redirect_is_waited_for(system: System, cores: Cores) -> None:
    async with system.running(bootstrap):
        story = await live(system, cores)
        await cores.start(story, added=(SECOND,))
        await system.publish(routed := story.routed(SECOND, primary=SECOND))
        [row] = await system.logged(ROUTED, routed, "waiting")
        assert row.message.endswith(f"{story.fqdn} does not redirect to {SECOND} (yet)")
        await cores.start(story, added=(SECOND,), primary=SECOND)
        await system.tries(ROUTED, routed)
