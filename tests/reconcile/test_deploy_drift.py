"""Drift at Coolify, each kind planted: how it is found, and what its repair does and leaves alone."""

import json

import pytest

from services.deploy.models import ProjectDeployment
from shared.added_domains import ClaimDomain, Decided
from shared.errors import TemporaryError
from shared.reconcile.finding import Caution, RepairRefusedError, repair
from tests.choreography.events import Story
from tests.choreography.vendors import Deployments
from tests.reconcile.tenancy import LONG_AGO, Tenancy
from tests.shared.messaging.harness import until


async def is_gone(tenancy: Tenancy, application: str) -> None:
    async def gone() -> bool:
        return all(each["uuid"] != application for each in await tenancy.coolify.applications())

    await until(gone)


async def unanswered(tenancy: Tenancy) -> None:
    """As a process leaves it that died between the create and its answer."""
    await tenancy.sql("UPDATE deployments SET application = NULL, stage = 'creating', since = :at", at=LONG_AGO)


async def test_nothing_is_off_where_all_is_as_written_down_and_others_use_the_same_coolify(tenancy: Tenancy) -> None:
    await tenancy.project()
    await tenancy.project()
    stranger = await tenancy.make_app(Story())
    await tenancy.ask("PATCH", f"/applications/{stranger}", {"name": "somebody-elses"})
    assert [each.thing for each in await tenancy.look(tenancy.deploy) if "environment" not in each.thing] == []
    calls = await tenancy.coolify.calls()
    assert calls["list_applications"] == 4  # two lists, each looked at twice because of the stranger's environment


async def test_an_added_domain_is_no_stray_and_is_missed_only_once_it_was_routed(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    async with tenancy.database.engine.begin() as connection:
        claim = ClaimDomain(story.second, primary=False, said_at=LONG_AGO)
        assert await ClaimDomain.apply(connection, [(story.project_id, claim)]) == [Decided.DONE]
    assert await tenancy.drifts(tenancy.deploy) == []  # the customer has records to set
    hosts = [story.fqdn, story.second, f"www.{story.second}"]
    await tenancy.sql(
        "INSERT INTO app_routes VALUES (:id, 1, CAST(:hosts AS jsonb), :primary, true)",
        id=story.project_id,
        hosts=json.dumps(hosts),
        primary=story.fqdn,
    )
    assert await tenancy.drifts(tenancy.deploy) == ["different"]
    await tenancy.repaired(tenancy.deploy)
    assert await tenancy.drifts(tenancy.deploy) == []
    [app] = await tenancy.coolify.applications(story)
    assert app["fqdn"] == ",".join(f"https://{host}" for host in hosts)


async def test_an_application_that_is_missing_is_made_again_by_the_service(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    lost = (await tenancy.row(ProjectDeployment, story)).application
    await tenancy.ask("DELETE", f"/applications/{lost}")
    await is_gone(tenancy, lost)
    assert await tenancy.drifts(tenancy.deploy) == ["missing"]
    assert "deploy makes it again" in await tenancy.repaired(tenancy.deploy)
    assert await tenancy.drifts(tenancy.deploy) == ["in progress"]
    [step] = await tenancy.sql("SELECT consumer, state, project_id FROM open_steps")
    assert tuple(step) == ("deploy.dns-configured", "waiting", story.project_id)
    [project] = await tenancy.sql("SELECT provisioning_state, step_due_at > now() AS is_due FROM projects")
    assert tuple(project) == ("dns_configured", True)


async def test_nothing_is_made_again_on_a_coolify_that_does_not_have_the_project_of_the_tenants(
    tenancy: Tenancy,
) -> None:
    await tenancy.project()
    await tenancy.sql("UPDATE deployments SET coolify_project = 'of another team', application = 'there'")
    found = [each for each in await tenancy.look(tenancy.deploy) if each.drift.value == "missing"]
    assert [(each.repair, "of the right team?" in each.advice) for each in found] == [(None, True)]


async def test_a_second_application_of_a_project_is_deleted_and_the_one_written_down_stays(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    kept = (await tenancy.row(ProjectDeployment, story)).application
    surplus = await tenancy.make_app(story, domains="")
    assert await tenancy.drifts(tenancy.deploy) == ["doubled"]
    await tenancy.repaired(tenancy.deploy)
    await is_gone(tenancy, surplus)
    assert [each["uuid"] for each in await tenancy.coolify.applications(story)] == [kept]
    assert await tenancy.drifts(tenancy.deploy) == []


async def test_an_application_with_our_name_and_without_our_tag_is_told_and_never_deleted(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    await tenancy.make_app(story, domains="", tagged=False)
    [finding] = await tenancy.look(tenancy.deploy)
    assert (finding.drift.value, finding.repair) == ("doubled", None)
    assert "neither our tag" in finding.advice


async def test_an_application_that_somebody_changed_is_set_again_and_deployed(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    application = (await tenancy.row(ProjectDeployment, story)).application
    changed = {"domains": "https://other.example", "docker_registry_image_tag": "0.9.0", "description": "mine"}
    await tenancy.ask("PATCH", f"/applications/{application}", changed)
    [finding] = await tenancy.look(tenancy.deploy)
    assert (finding.drift.value, finding.vendor) == ("different", "mine, 0.9.0, https://other.example")
    await tenancy.repaired(tenancy.deploy)
    [app] = await tenancy.coolify.applications(story)
    assert (app["fqdn"], app["tag"], app["deployment_count"]) == (f"https://{story.fqdn}", "1.0.0", 2)

    async def is_right() -> bool:
        return await tenancy.drifts(tenancy.deploy) == []

    await until(is_right)


async def test_an_application_without_its_tags_gets_them_back_and_is_not_deployed(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    application = (await tenancy.row(ProjectDeployment, story)).application
    for tag in await tenancy.ask("GET", f"/applications/{application}/tags"):
        await tenancy.ask("DELETE", f"/applications/{application}/tags/{tag['uuid']}")
    assert await tenancy.drifts(tenancy.deploy) == ["different"]
    await tenancy.repaired(tenancy.deploy)
    [app] = await tenancy.coolify.applications(story)
    assert (sorted(app["tags"]), app["deployment_count"]) == ([f"project-{story.project_id}", "vrs"], 1)


async def test_what_is_left_of_a_cancelled_project_goes_application_first_then_environment(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    await tenancy.cancel(story)
    [finding] = await tenancy.look(tenancy.deploy)
    assert (finding.drift.value, finding.thing.split()[0]) == ("orphaned", "application")
    assert finding.repair is not None
    assert "keep its volumes" in finding.repair.words
    await repair(tenancy.deploy, finding)
    await is_gone(tenancy, finding.thing.split()[1])
    assert "deleted the empty environment" in await tenancy.repaired(tenancy.deploy)
    assert await tenancy.coolify.environments(story) == []
    assert await tenancy.drifts(tenancy.deploy) == []


async def test_an_application_of_a_project_that_is_not_known_here_goes_only_if_it_is_named(tenancy: Tenancy) -> None:
    story = Story()  # of another installation on the same Coolify, or of a database that was brought back
    await tenancy.make_app(story)
    [finding] = await tenancy.look(tenancy.deploy)
    assert finding.drift.value == "orphaned"
    assert finding.repair is not None
    assert finding.repair.caution is Caution.NAMED


async def test_the_application_of_a_live_project_without_a_row_is_never_deleted(tenancy: Tenancy) -> None:
    await tenancy.project()
    await tenancy.sql("DELETE FROM deployments")
    [finding] = await tenancy.look(tenancy.deploy)
    assert (finding.drift.value, finding.repair) == ("orphaned", None)
    assert "bring the row back" in finding.advice


async def test_a_create_without_an_answer_is_adopted_and_what_else_has_its_name_goes(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    oldest = (await tenancy.row(ProjectDeployment, story)).application
    surplus = await tenancy.make_app(story, domains="")
    await unanswered(tenancy)
    await tenancy.open_step(story, "deploy.dns-configured", "dead")
    assert await tenancy.drifts(tenancy.deploy) == ["unanswered"]
    await tenancy.repaired(tenancy.deploy)
    row = await tenancy.row(ProjectDeployment, story)
    assert (row.application, row.stage) == (oldest, "created")
    await is_gone(tenancy, surplus)


async def test_a_create_without_an_answer_is_in_progress_while_its_grace_lasts_or_its_step_is_open(
    tenancy: Tenancy,
) -> None:
    story = await tenancy.project()
    await unanswered(tenancy)
    [finding] = await tenancy.look(tenancy.deploy)
    await tenancy.open_step(story, "deploy.dns-configured", "waiting")
    assert await tenancy.drifts(tenancy.deploy) == ["in progress"]
    assert finding.repair is not None
    with pytest.raises(RepairRefusedError, match="its step is waiting"):
        await finding.repair.run()
    await tenancy.sql("DELETE FROM open_steps")
    await tenancy.sql("UPDATE deployments SET since = now()")
    assert await tenancy.drifts(tenancy.deploy) == ["in progress"]


async def test_an_application_that_was_written_down_meanwhile_is_not_deleted(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    surplus = await tenancy.make_app(story, domains="")
    [finding] = await tenancy.look(tenancy.deploy)
    await tenancy.sql("UPDATE deployments SET application = :uuid", uuid=surplus)
    assert finding.repair is not None
    with pytest.raises(RepairRefusedError, match="written down by now"):
        await finding.repair.run()
    assert len(await tenancy.coolify.applications(story)) == 2


@pytest.mark.parametrize("kind", ["empty", "malformed"])
async def test_without_a_readable_answer_of_coolify_nothing_is_said_to_be_missing(
    tenancy: Tenancy, coolify: Deployments, kind: str
) -> None:
    await tenancy.project()
    await coolify.break_("list_applications", kind)
    with pytest.raises(TemporaryError, match="unreadable answer"):
        await tenancy.look(tenancy.deploy)
