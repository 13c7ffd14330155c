"""deploy hears RoutesChanged: the app of a live project answers under all its domains, and none is lost."""

from contracts import AppDeployed, AppRouted, ProvisioningFailed
from services.deploy.app import deploy
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Deployments

ROUTES = "deploy.routes-changed"
SECOND, THIRD = "zweite.example", "dritte.example"


async def live(system: System) -> Story:
    """A project whose app is deployed, and that went live."""
    story = Story()
    await system.know(story, ProvisioningState.DNS_CONFIGURED)
    await system.publish(story.configured())
    await system.hears(AppDeployed, story)
    await system.sql("UPDATE projects SET provisioning_state = 'live'")
    return story


def urls(story: Story, *domains: str) -> str:
    return ",".join(f"https://{host}" for each in story.routed_domains(*domains) for host in each.hosts)


async def test_changed_routes_are_deployed_once_and_told(system: System, coolify: Deployments) -> None:
    async with system.running(deploy):
        story = await live(system)
        [before] = await coolify.applications()
        changed = story.routes_changed(SECOND, primary=SECOND)
        await system.publish(changed, changed)
        said = await system.hears(AppRouted, story)
        await system.publish(changed)
        await system.is_claimed(ROUTES)
        [app] = await coolify.applications()
        assert (said.data.domains, said.data.primary) == (changed.data.domains, SECOND)
        assert (said.causationid, said.data.application) == (changed.id, app["uuid"])
        assert (app["fqdn"], app["deployment_count"]) == (urls(story, SECOND), 2)
        assert app["env"]["VRS_PRIMARY_HOST"] == SECOND
        assert app["env"]["VRS_BOOTSTRAP_TOKEN"] != before["env"]["VRS_BOOTSTRAP_TOKEN"]
        older = story.routes_changed(SECOND, THIRD, revision=0)
        await system.publish(older)
        await system.logged(ROUTES, older, "completed")
        await system.publish(again := story.routes_changed(SECOND, primary=SECOND))
        await system.logged(ROUTES, again, "completed")
    assert len(await system.said_in_all(AppRouted, story)) == 1
    assert (await coolify.applications())[0]["deployment_count"] == 2
    assert await system.state(story) == ProvisioningState.LIVE


async def test_routes_of_a_project_without_an_app_wait_and_have_no_effect_after_its_end(
    system: System, coolify: Deployments
) -> None:
    story = Story()
    async with system.running(deploy):
        await system.publish(early := story.routes_changed(SECOND))
        [row] = await system.logged(ROUTES, early, "waiting")
        assert row.message == "waits until the project is known"
        await system.know(story, ProvisioningState.DNS_CONFIGURED)
        await system.looks_again(early)
        assert await coolify.calls() == {}
        await system.publish(story.configured())
        await system.hears(AppDeployed, story)
        await system.tries(ROUTES, early)
        assert [app["fqdn"] for app in await coolify.applications()] == [urls(story, SECOND)]
        await system.mark_cancelled(story, undone=[])
        await system.publish(cancellation := story.cancelled())
        await system.tries("deploy.project-cancelled", cancellation)
        await system.publish(late := story.routes_changed(SECOND, THIRD, revision=2))
        assert await system.has_no_trace(ROUTES, late)
    assert await coolify.applications() == []
    assert await system.sql("SELECT 1 FROM app_routes") == []


async def test_newer_routes_take_the_place_of_those_that_are_being_deployed_whatever_happens(
    system: System, coolify: Deployments
) -> None:
    async with system.running(deploy):
        story = await live(system)
        await coolify.set(deploy_seconds=0.5)
        await coolify.break_("update_application", "error_after", times=1)
        await coolify.break_("deploy", "error_after", times=1)
        await system.publish(first := story.routes_changed(SECOND))
        await system.publish(newer := story.routes_changed(SECOND, THIRD, revision=2, primary=THIRD))
        await system.tries(ROUTES, newer)
        await system.tries(ROUTES, first)
        [*_, last] = await system.said_in_all(AppRouted, story)
    [app] = await coolify.applications()
    assert (last.data.revision, app["fqdn"]) == (2, urls(story, SECOND, THIRD))
    assert (app["env"]["VRS_PRIMARY_HOST"], app["status"]) == (THIRD, "running:healthy")


async def test_an_address_that_coolify_has_given_away_is_a_dead_letter_whose_replay_goes_on(
    system: System, coolify: Deployments
) -> None:
    async with system.running(deploy):
        story = await live(system)
        [app] = await coolify.applications()
        theirs = {"name": "somebody's shop", "fqdn": f"https://{SECOND}"}
        uuid = await coolify.occupy(**theirs)
        await system.publish(changed := story.routes_changed(SECOND))
        letter = await system.dies(ROUTES, changed, code="coolify_domain_conflict")
        assert f"https://{SECOND} leads to {theirs['name']} ({uuid})" in letter.headers["vrs-reason"]
        assert (await coolify.applications(story))[0]["fqdn"] == app["fqdn"]
        await coolify.vacate(uuid)
        await system.replay(letter)
        await system.tries(ROUTES, changed)
        await system.hears(AppRouted, story)
    assert system.said(ProvisioningFailed, story) == []
    assert await system.state(story) == ProvisioningState.LIVE
