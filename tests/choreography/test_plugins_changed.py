"""bootstrap hears PluginsChanged: the running vrs-core carries it out, without a new deployment."""

from contracts import MissingPlugin, Plugin, PluginsConverged, ProvisioningFailed, ServiceName
from services.bootstrap.app import bootstrap
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.facts import PLUGINS
from tests.choreography.system import System
from tests.choreography.vendors import Cores

DEPLOYED = "bootstrap.app-deployed"
CHANGED = "bootstrap.plugins-changed"
BOUGHT = (*PLUGINS, Plugin(name="vouchers", version="1.1.0"))
WITH_BOUGHT = ",".join(f"{plugin.name}=={plugin.version}" for plugin in BOUGHT)


async def test_a_change_is_carried_out_by_the_running_core_and_told(system: System, cores: Cores) -> None:
    async with system.running(bootstrap):
        story = await live(system, cores)
        await system.publish(change := story.changed(*BOUGHT))
        said = await system.hears(PluginsConverged, story)
        rows = await system.logged(CHANGED, change, "waiting", "completed")
    assert said.data == PluginsConverged(
        fqdn=story.fqdn, core_version="1.0.0", complete=True, plugins=BOUGHT, missing=()
    )
    assert (said.causationid, said.correlationid) == (change.id, change.correlationid)
    assert rows[-1].message.endswith("has carried out the change: everything licensed runs")
    assert await cores.asks() == 1
    assert await system.state(story) == ProvisioningState.LIVE


async def test_a_change_told_three_times_is_carried_out_once(system: System, cores: Cores) -> None:
    async with system.running(bootstrap):
        story = await live(system, cores)
        change = story.changed(*BOUGHT)
        await system.publish(change, change)
        await system.logged(CHANGED, change, "waiting", "completed")
        await system.publish(change)
        await system.is_claimed(CHANGED)
        assert len(await system.said_in_all(PluginsConverged, story)) == 1
    assert await cores.asks() == 1


async def test_a_change_before_the_project_is_live_waits_until_it_is(system: System, cores: Cores) -> None:
    story = Story()
    await cores.start(story, plugins=WITH_BOUGHT)
    async with system.running(bootstrap):
        await system.publish(change := story.changed(*BOUGHT))
        await system.logged(CHANGED, change, "waiting")
        await system.know(story, ProvisioningState.APP_DEPLOYED)
        await system.let_time_pass(change)
        assert await cores.looks() == 0
        await system.publish(story.deployed())
        await system.tries(CHANGED, change)
        assert (await system.hears(PluginsConverged, story)).data.plugins == BOUGHT


async def test_a_change_of_a_cancelled_project_has_no_effect(system: System, cores: Cores) -> None:
    async with system.running(bootstrap):
        story = await live(system, cores)
        await system.end(story, ServiceName.BOOTSTRAP)
        await system.publish(late := story.changed(*BOUGHT))
        assert await system.has_no_trace(CHANGED, late)
    assert await cores.asks() == 0
    assert await system.sql("SELECT 1 FROM watched_cores") == []


async def test_a_change_outlasts_a_core_that_is_silent_and_one_that_cannot_fetch_it(
    system: System, cores: Cores
) -> None:
    async with system.running(bootstrap):
        story = await live(system, cores)
        await cores.set(app_fault={"kind": "close"})
        await system.publish(change := story.changed(*BOUGHT))
        await system.logged(CHANGED, change, "waiting")
        await cores.mend()
        await cores.set(app_fault={"kind": "plugin", "plugin": "vouchers", "state": "failed"})
        await system.looks_again(change)
        await system.looks_again(change)
        assert system.said(PluginsConverged, story) == []
        await cores.mend()
        await system.tries(CHANGED, change)
        assert (await system.hears(PluginsConverged, story)).data.complete


async def test_what_vrs_core_refuses_of_a_change_is_named_in_the_outcome(system: System, cores: Cores) -> None:
    async with system.running(bootstrap):
        story = await live(system, cores)
        await cores.set(app_fault={"kind": "plugin", "plugin": "vouchers", "state": "refused"})
        unpublished = Plugin(name="no-such", version="9.0.0")
        await system.publish(change := story.changed(*BOUGHT, unpublished))
        said = await system.hears(PluginsConverged, story)
        [*_, row] = await system.logged(CHANGED, change, "waiting", "completed")
    assert not said.data.complete
    assert said.data.plugins == PLUGINS
    assert said.data.missing == (
        MissingPlugin(name="vouchers", reason="vouchers 1.1.0 could not be fetched"),
        MissingPlugin(name="no-such", reason="no-such 9.0.0 is not published, or not licensed now"),
    )
    assert "missing: vouchers: vouchers 1.1.0 could not be fetched" in row.message


async def test_a_change_that_no_core_carries_out_is_a_dead_letter_whose_replay_goes_on(
    system: System, cores: Cores
) -> None:
    async with system.running(bootstrap):
        story = await live(system, cores)
        await cores.set(app_fault={"kind": "health_500"})
        await system.publish(change := story.changed(*BOUGHT))
        await system.logged(CHANGED, change, "waiting")
        await system.let_time_pass(change, deadline=True)
        letter = await system.dies(CHANGED, change, "waiting", code="deadline")
        await cores.mend()
        await system.replay(letter)
        await system.tries(CHANGED, change)
        assert len(await system.said_in_all(PluginsConverged, story)) == 1
    assert system.said(ProvisioningFailed, story) == []  # what ran before went on
    assert await system.state(story) == ProvisioningState.LIVE


async def live(system: System, cores: Cores) -> Story:
    """A live project; its container has what was bought in the meantime as soon as it reads its manifest again."""
    story = Story()
    await system.know(story, ProvisioningState.APP_DEPLOYED)
    await cores.start(story, plugins=WITH_BOUGHT)
    await system.publish(deployed := story.deployed())
    await system.logged(DEPLOYED, deployed, "completed")
    return story
