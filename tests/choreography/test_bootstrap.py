"""bootstrap hears AppDeployed and ProjectCancelled: it looks until vrs-core is as ordered, or stops looking."""

from contracts import CoreHealthy, CoreRetired, ServiceName
from services.bootstrap.app import bootstrap
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.facts import PLUGINS
from tests.choreography.system import System
from tests.choreography.vendors import Cores

DEPLOYED = "bootstrap.app-deployed"
CANCELLED = "bootstrap.project-cancelled"


async def test_a_core_that_answers_as_ordered_makes_its_project_live(system: System, cores: Cores) -> None:
    story = await started(system, cores)
    async with system.running(bootstrap):
        await system.publish(deployed := story.deployed())
        said = await system.hears(CoreHealthy, story)
        await system.logged(DEPLOYED, deployed, "completed")
    assert said.data.plugins == PLUGINS
    assert (said.data.fqdn, said.data.core_version) == (story.fqdn, "1.0.0")
    assert (said.causationid, said.correlationid) == (deployed.id, deployed.correlationid)
    assert await system.state(story) == ProvisioningState.LIVE


async def test_a_deployment_told_three_times_makes_live_once(system: System, cores: Cores) -> None:
    story = await started(system, cores)
    deployed = story.deployed()
    async with system.running(bootstrap):
        await system.publish(deployed, deployed)
        await system.logged(DEPLOYED, deployed, "completed")
        await system.publish(deployed)
        await system.is_claimed(DEPLOYED)
        await system.hears(CoreHealthy, story)
    assert len(await system.log(DEPLOYED, deployed)) == 1
    assert await cores.looks() == 1


async def test_a_deployment_told_before_its_order_waits_until_the_project_is_known(
    system: System, cores: Cores
) -> None:
    story = Story()
    await cores.start(story)
    async with system.running(bootstrap):
        await system.publish(deployed := story.deployed())
        [row] = await system.logged(DEPLOYED, deployed, "waiting")
        assert row.message == "waits until the project is known"
        await system.let_time_pass(deployed)
        assert await cores.looks() == 0
        await system.know(story, ProvisioningState.APP_DEPLOYED)
        await system.logged(DEPLOYED, deployed, "waiting", "completed", hurried=True)
        await system.hears(CoreHealthy, story)
    assert await system.state(story) == ProvisioningState.LIVE


async def test_a_deployment_of_a_cancelled_project_has_no_effect(system: System, cores: Cores) -> None:
    story = await started(system, cores)
    async with system.running(bootstrap):
        await system.end(story, ServiceName.BOOTSTRAP)
        await system.publish(late := story.deployed())
        assert await system.has_no_trace(DEPLOYED, late)
    assert await cores.looks() == 0
    assert system.said(CoreHealthy, story) == []
    assert await system.state(story) == ProvisioningState.CANCELLED


async def test_a_core_that_is_silent_then_failed_then_healthy_makes_live_once(system: System, cores: Cores) -> None:
    story = Story()
    await system.know(story, ProvisioningState.APP_DEPLOYED)
    async with system.running(bootstrap):
        await system.publish(deployed := story.deployed())
        await system.logged(DEPLOYED, deployed, "waiting")  # the proxy does not know the name yet
        await cores.start(story, plugins="no version")
        rows = await system.logged(DEPLOYED, deployed, "waiting", "retrying", hurried=True)
        assert rows[-1].detail["code"] == "core_failed"
        await cores.start(story)
        rows = await system.logged(DEPLOYED, deployed, "waiting", "retrying", "completed", hurried=True)
        await system.hears(CoreHealthy, story)
    assert [row.attempt for row in rows] == [1, 1, 2]
    assert await system.state(story) == ProvisioningState.LIVE


async def test_a_core_that_never_answers_is_a_dead_letter_whose_replay_goes_on(system: System, cores: Cores) -> None:
    story = await started(system, cores)
    await cores.set(app_fault={"kind": "health_500"})
    async with system.running(bootstrap):
        await system.publish(deployed := story.deployed())
        await system.logged(DEPLOYED, deployed, "waiting")
        await system.let_time_pass(deployed, deadline=True)
        letter = await system.fails(DEPLOYED, deployed, "waiting", code="deadline", story=story)
        assert system.said(CoreHealthy, story) == []
        await cores.mend()
        await system.replay(letter)
        rows = await system.logged(DEPLOYED, deployed, "waiting", "dead", "completed")
        await system.hears(CoreHealthy, story)
    assert rows[-1].attempt == 2
    assert await system.state(story) == ProvisioningState.LIVE


async def test_a_cancellation_of_a_live_project_is_told_on(system: System, cores: Cores) -> None:
    story = await started(system, cores)
    async with system.running(bootstrap):
        await system.publish(deployed := story.deployed())
        await system.logged(DEPLOYED, deployed, "completed")
        await system.publish(cancellation := story.cancelled())
        said = await system.hears(CoreRetired, story)
        await system.logged(CANCELLED, cancellation, "completed")
    assert said.data == CoreRetired(fqdn=story.fqdn, was_healthy=True, reason="changed their mind")
    assert said.causationid == cancellation.id
    assert await system.state(story) == ProvisioningState.CANCELLING  # dns and deploy have not undone theirs


async def test_a_cancellation_that_comes_three_times_is_told_on_once(system: System, cores: Cores) -> None:
    story = await started(system, cores)
    cancellation = story.cancelled()
    async with system.running(bootstrap):
        await system.publish(cancellation, cancellation)
        await system.logged(CANCELLED, cancellation, "completed")
        await system.publish(cancellation)
        await system.is_claimed(CANCELLED)
        await system.hears(CoreRetired, story)
    assert len(await system.log(CANCELLED, cancellation)) == 1


async def test_a_cancellation_before_the_order_leaves_a_mark_that_stops_the_look(system: System, cores: Cores) -> None:
    story = Story()
    await cores.start(story)
    async with system.running(bootstrap):
        await system.publish(cancellation := story.cancelled())
        await system.logged(CANCELLED, cancellation, "completed")
        said = await system.hears(CoreRetired, story)
        await system.publish(late := story.deployed())
        assert await system.has_no_trace(DEPLOYED, late)
    assert said.data == CoreRetired(was_healthy=False, reason="changed their mind")
    assert await cores.looks() == 0


async def test_a_cancellation_closes_the_look_at_a_core_that_boots(system: System, cores: Cores) -> None:
    await cores.set(boot_seconds=3600)
    story = await started(system, cores)
    async with system.running(bootstrap):
        await system.publish(deployed := story.deployed())
        await system.logged(DEPLOYED, deployed, "waiting")
        await system.publish(story.cancelled())
        said = await system.hears(CoreRetired, story)
        await system.logged(DEPLOYED, deployed, "waiting", "cancelled")
    assert not said.data.was_healthy
    assert system.said(CoreHealthy, story) == []


async def test_another_cancellation_of_a_cancelled_project_changes_nothing(system: System, cores: Cores) -> None:
    story = await started(system, cores)
    async with system.running(bootstrap):
        await system.end(story, ServiceName.BOOTSTRAP)
        await system.publish(late := story.cancelled())
        await system.logged(CANCELLED, late, "completed")
        assert len(await system.said_in_all(CoreRetired, story)) == 1
    assert await system.state(story) == ProvisioningState.CANCELLED
    assert await cores.looks() == 0


async def test_a_cancellation_needs_no_core_that_answers(system: System, cores: Cores) -> None:
    story = await started(system, cores)
    await cores.set(app_fault={"kind": "close"})
    async with system.running(bootstrap):
        await system.publish(cancellation := story.cancelled())
        [row] = await system.logged(CANCELLED, cancellation, "completed")
        await system.hears(CoreRetired, story)
    assert row.attempt == 1
    assert await cores.looks() == 0


async def started(system: System, cores: Cores) -> Story:
    """A project that is known, and whose container is there."""
    story = Story()
    await system.know(story, ProvisioningState.APP_DEPLOYED)
    await cores.start(story)
    return story
