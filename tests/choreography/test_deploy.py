"""deploy hears DnsConfigured and ProjectCancelled: one app on Coolify, deployed once; and nothing left of it."""

from contracts import AppDeployed, AppRemoved, ServiceName
from services.deploy.app import deploy
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.facts import SERVER
from tests.choreography.system import System
from tests.choreography.vendors import Deployments

CONFIGURED = "deploy.dns-configured"
CANCELLED = "deploy.project-cancelled"
PARKED = "Waits for Coolify to deploy the app"


async def test_a_configured_project_gets_one_app_that_is_deployed_once(system: System, coolify: Deployments) -> None:
    story = await known(system)
    async with system.running(deploy):
        await system.publish(configured := story.configured())
        said = await system.hears(AppDeployed, story)
        rows = await system.logged(CONFIGURED, configured, "parked", "completed")
    [app] = await coolify.applications()
    assert (app["server"], app["status"], app["deployment_count"]) == (SERVER.id, "running:healthy", 1)
    assert (said.data.fqdn, said.data.application) == (story.fqdn, app["uuid"])
    assert (said.causationid, said.correlationid) == (configured.id, configured.correlationid)
    assert rows[0].message == PARKED
    assert await system.state(story) == ProvisioningState.APP_DEPLOYED


async def test_a_configuration_told_three_times_is_deployed_once(system: System, coolify: Deployments) -> None:
    story = await known(system)
    configured = story.configured()
    async with system.running(deploy):
        await system.publish(configured, configured)
        await system.hears(AppDeployed, story)
        await system.publish(configured)
        await system.is_claimed(CONFIGURED)
        await system.hears(AppDeployed, story)
    [app] = await coolify.applications()
    assert app["deployment_count"] == 1
    assert [row.status for row in await system.log(CONFIGURED, configured)] == ["parked", "completed"]


async def test_a_configuration_told_before_its_order_waits_until_the_project_is_known(
    system: System, coolify: Deployments
) -> None:
    story = Story()
    async with system.running(deploy):
        await system.publish(configured := story.configured())
        [row] = await system.logged(CONFIGURED, configured, "waiting")
        assert row.message == "waits until the project is known"
        await system.let_time_pass(configured)
        assert await coolify.calls() == {}
        await system.know(story, ProvisioningState.DNS_CONFIGURED)
        await system.logged(CONFIGURED, configured, "waiting", "parked", "completed", hurried=True)
        await system.hears(AppDeployed, story)
    [app] = await coolify.applications()
    assert app["deployment_count"] == 1


async def test_a_configuration_of_a_cancelled_project_has_no_effect(system: System, coolify: Deployments) -> None:
    story = await known(system)
    async with system.running(deploy):
        await system.end(story, ServiceName.DEPLOY)
        await system.publish(late := story.configured())
        assert await system.has_no_trace(CONFIGURED, late)
    assert await coolify.calls() == {}
    assert system.said(AppDeployed, story) == []
    assert await system.state(story) == ProvisioningState.CANCELLED


async def test_a_deployment_outlasts_trouble_at_coolify_and_makes_one_app(system: System, coolify: Deployments) -> None:
    story = await known(system)
    await coolify.break_("create_environment", "error", times=1)
    await coolify.break_("create_application", "error_after", times=1)  # done, and nobody was told
    await coolify.break_("deploy", "error_after", times=1)
    async with system.running(deploy):
        await system.publish(configured := story.configured())
        tries = await system.tries(CONFIGURED, configured)
        await system.hears(AppDeployed, story)
    assert [row.attempt for row in tries] == [1, 2, 3]
    assert all(row.detail["code"].startswith("coolify_") for row in tries)
    [app] = await coolify.applications()
    assert app["deployment_count"] == 1


async def test_a_deployment_that_fails_twice_is_a_dead_letter_whose_replay_deploys_again(
    system: System, coolify: Deployments
) -> None:
    story = await known(system)
    await coolify.set(fail_deployments=2)
    async with system.running(deploy):
        await system.publish(configured := story.configured())
        letter = await system.fails(CONFIGURED, configured, "parked", code="deployment_failed", story=story)
        await system.replay(letter)
        await system.hears(AppDeployed, story)
    [app] = await coolify.applications()
    assert sorted(each["status"] for each in app["deployments"]) == ["failed", "failed", "finished"]


async def test_an_app_that_coolify_refuses_is_a_dead_letter_whose_replay_goes_on(
    system: System, coolify: Deployments
) -> None:
    story = await known(system)
    await coolify.break_("create_application", "refused", code=422)
    async with system.running(deploy):
        await system.publish(configured := story.configured())
        letter = await system.fails(CONFIGURED, configured, code="coolify_422", story=story)
        assert system.said(AppDeployed, story) == []
        await coolify.mend()
        await system.replay(letter)
        rows = await system.logged(CONFIGURED, configured, "dead", "parked", "completed")
        await system.hears(AppDeployed, story)
    assert rows[-1].attempt == 2
    [app] = await coolify.applications()
    assert app["deployment_count"] == 1
    assert await system.state(story) == ProvisioningState.APP_DEPLOYED


async def test_a_cancellation_leaves_nothing_of_the_project_on_coolify(system: System, coolify: Deployments) -> None:
    story = await known(system)
    async with system.running(deploy):
        app = await set_up(system, coolify, story)
        await system.publish(cancellation := story.cancelled())
        said = await system.hears(AppRemoved, story)
        await system.logged(CANCELLED, cancellation, "waiting", "completed")
    assert (said.data.application, said.data.volumes_kept) == (app["uuid"], True)
    assert said.causationid == cancellation.id
    assert await coolify.applications(story) == []
    assert await coolify.environments(story) == []
    assert await system.state(story) == ProvisioningState.CANCELLING  # dns and bootstrap have not undone theirs


async def test_a_cancellation_that_comes_three_times_removes_once(system: System, coolify: Deployments) -> None:
    story = await known(system)
    async with system.running(deploy):
        await set_up(system, coolify, story)
        cancellation = story.cancelled()
        await system.publish(cancellation, cancellation)
        await system.logged(CANCELLED, cancellation, "waiting", "completed", hurried=True)
        await system.publish(cancellation)
        await system.is_claimed(CANCELLED)
        await system.hears(AppRemoved, story)
    assert (await coolify.calls())["delete_application"] == 1


async def test_a_cancellation_before_the_order_leaves_a_mark_that_stops_the_app(
    system: System, coolify: Deployments
) -> None:
    story = Story()
    async with system.running(deploy):
        await system.publish(cancellation := story.cancelled())
        await system.logged(CANCELLED, cancellation, "completed")
        said = await system.hears(AppRemoved, story)
        await system.publish(late := story.configured())
        assert await system.has_no_trace(CONFIGURED, late)
    assert said.data == AppRemoved(volumes_kept=True)
    assert await coolify.calls() == {}


async def test_a_cancellation_during_the_deployment_ends_it_and_removes_the_app(
    system: System, coolify: Deployments
) -> None:
    story = await known(system)
    await coolify.set(stick_deployments=1)
    async with system.running(deploy):
        await system.publish(configured := story.configured())
        await system.logged(CONFIGURED, configured, "parked")
        await system.publish(cancellation := story.cancelled())
        await system.logged(CANCELLED, cancellation, "waiting", "completed", hurried=True)
        await system.logged(CONFIGURED, configured, "parked", "cancelled")
    assert system.said(AppDeployed, story) == []
    assert await coolify.applications(story) == []
    assert await coolify.environments(story) == []


async def test_another_cancellation_of_a_cancelled_project_finds_nothing_to_undo(
    system: System, coolify: Deployments
) -> None:
    story = await known(system)
    async with system.running(deploy):
        await system.end(story, ServiceName.DEPLOY)
        await system.publish(late := story.cancelled())
        await system.logged(CANCELLED, late, "completed")
        said = await system.said_in_all(AppRemoved, story)
    assert await coolify.calls() == {}
    assert [event.data for event in said] == [AppRemoved(volumes_kept=True)]
    assert await system.state(story) == ProvisioningState.CANCELLED


async def test_a_cancellation_outlasts_trouble_at_coolify(system: System, coolify: Deployments) -> None:
    story = await known(system)
    async with system.running(deploy):
        await set_up(system, coolify, story)
        await coolify.break_("get_environment", "error", times=1)
        await coolify.break_("delete_application", "error_after", times=1)
        await system.publish(cancellation := story.cancelled())
        tries = await system.tries(CANCELLED, cancellation)
        await system.hears(AppRemoved, story)
    assert [row.attempt for row in tries] == [1, 2]
    assert await coolify.applications(story) == []
    assert await coolify.environments(story) == []


async def test_a_removal_that_coolify_refuses_is_a_dead_letter_whose_replay_goes_on(
    system: System, coolify: Deployments
) -> None:
    story = await known(system)
    async with system.running(deploy):
        await set_up(system, coolify, story)
        await coolify.break_("delete_application", "refused", code=422)
        await system.publish(cancellation := story.cancelled())
        letter = await system.fails(CANCELLED, cancellation, code="coolify_422", story=story)
        assert len(await coolify.applications(story)) == 1
        await coolify.mend()
        await system.replay(letter)
        await system.logged(CANCELLED, cancellation, "dead", "waiting", "completed", hurried=True)
        await system.hears(AppRemoved, story)
    assert await coolify.applications(story) == []
    assert await system.state(story) == ProvisioningState.CANCELLING


async def known(system: System) -> Story:
    """A project whose records answer."""
    story = Story()
    await system.know(story, ProvisioningState.DNS_CONFIGURED)
    return story


async def set_up(system: System, coolify: Deployments, story: Story) -> dict[str, object]:
    """Have the project deployed; return its app."""
    await system.publish(story.configured())
    await system.hears(AppDeployed, story)
    [app] = await coolify.applications(story)
    return app
