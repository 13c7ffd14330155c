"""ProjectCancelled -> AppRemoved, on the Coolify simulator."""

from dataclasses import replace
from datetime import timedelta

import pytest

from contracts import AppRemoved
from services.deploy.blueprint import environment_name
from services.deploy.coolify_errors import RefusedError
from services.deploy.models import Stage
from shared.outcome import Done, Later, Parked
from tests.services.deploy.bench import Bench, Order


async def environments(bench: Bench) -> list[str]:
    return [one["name"] for project in (await bench.state())["projects"] for one in project["environments"]]


async def removed(bench: Bench, order: Order, *, keep_volumes: bool = True) -> AppRemoved:
    """Cancel; nothing of the order is left at Coolify or in our table."""
    done = await order.cancelled(keep_volumes=keep_volumes)
    assert await bench.applications() == []
    assert await environments(bench) == ["production"]
    assert order.tables == {}
    [said] = done.events
    assert isinstance(said, AppRemoved)
    return said


@pytest.mark.parametrize("keep_volumes", [True, False])
async def test_a_running_app_goes_and_its_volumes_as_wanted(bench: Bench, keep_volumes: bool) -> None:
    order = bench.order()
    await order.deployed()
    assert order.row is not None
    application = order.row.application
    said = await removed(bench, order, keep_volumes=keep_volumes)
    assert said == AppRemoved(
        application=application, environment=environment_name(order.project_id), volumes_kept=keep_volumes
    )
    assert [deletion["delete_volumes"] for deletion in (await bench.state())["deletions"]] == [not keep_volumes]


async def test_a_project_that_never_got_anywhere_costs_no_call(bench: Bench) -> None:
    order = bench.order()
    done = await order.cancel()
    assert isinstance(done, Done)
    assert done.events == (AppRemoved(application=None, environment=None, volumes_kept=True),)
    assert await bench.calls() == {}


async def test_a_deployment_under_way_is_cancelled(bench: Bench) -> None:
    await bench.control(deploy_seconds=30)
    order = bench.order()
    assert isinstance(await order.deploy(), Parked)
    await bench.control(delete_seconds=0.5)
    await order.cancel()
    assert [one["status"] for one in (await bench.state())["deployments"]] == ["cancelled-by-user"]
    assert (await bench.calls())["cancel_deployment"] == 1
    await removed(bench, order)


@pytest.mark.parametrize("call", ["create_environment", "create_application", "update_variables", "deploy"])
@pytest.mark.parametrize("kind", ["lost_answer", "error"])
async def test_cancelled_in_the_middle_nothing_stays(bench: Bench, call: str, kind: str) -> None:
    await bench.fault(call, kind)
    order = bench.order()
    with pytest.raises(Exception, match=r"502|no answer"):
        await order.deploy()
    await removed(bench, order)


async def test_what_an_unanswered_create_made_goes_and_is_looked_for_again(bench: Bench) -> None:
    order = bench.order()
    await bench.fault("create_application", "lost_answer")
    with pytest.raises(Exception, match="no answer"):
        await order.deploy()
    assert isinstance(await order.cancel(), Later)
    await bench.applications_become(0)
    outcome = await order.cancel()
    assert "unanswered create" in outcome.message
    await removed(bench, order)


async def test_an_unanswered_create_that_comes_true_after_the_first_look_goes_too(bench: Bench) -> None:
    order = bench.order()
    await bench.fault("create_application", "error")
    with pytest.raises(Exception, match="502"):
        await order.deploy()
    outcome = await order.cancel()
    assert isinstance(outcome, Later)
    assert "unanswered create" in outcome.message
    late = {
        "project_uuid": bench.running.project_uuid,
        "server_uuid": bench.running.servers[0].uuid,
        "environment_name": environment_name(order.project_id),
        "name": f"vrs-{order.project_id}",
        "docker_registry_image_name": "ghcr.io/vrs/vrs-core",
    }
    assert (await bench.api("POST", "/applications/dockerimage", late)).status_code == 201
    await removed(bench, order)


@pytest.mark.parametrize("call", ["get_environment", "delete_application", "delete_environment", "cancel_deployment"])
@pytest.mark.parametrize("kind", ["lost_answer", "error", "malformed", "rate_limited"])
async def test_trouble_while_removing_is_survived(bench: Bench, call: str, kind: str) -> None:
    await bench.control(deploy_seconds=30)
    order = bench.order()
    await order.deploy()
    await bench.fault(call, kind)
    await removed(bench, order)


async def test_a_deletion_is_asked_for_once_and_again_when_coolify_forgets_it(bench: Bench) -> None:
    order = bench.order()
    await order.deployed()
    await bench.control(delete_seconds=30)
    for _ in range(3):
        assert isinstance(await order.cancel(), Later)
    assert (await bench.calls())["delete_application"] == 1
    row = order.row
    assert row is not None
    assert row.stage is Stage.REMOVING
    await bench.control(delete_seconds=0)
    order.tables[("deployments", order.project_id)] = replace(row, since=row.since - timedelta(minutes=1))
    await order.cancel()
    assert (await bench.calls())["delete_application"] == 2


async def test_what_somebody_else_put_into_the_environment_is_left_alone(bench: Bench) -> None:
    order = bench.order()
    await order.deployed()
    foreign = {
        "project_uuid": bench.running.project_uuid,
        "server_uuid": bench.running.servers[0].uuid,
        "environment_name": environment_name(order.project_id),
        "name": "a-database-ui",
        "docker_registry_image_name": "ghcr.io/acme/ui",
    }
    await bench.api("POST", "/applications/dockerimage", foreign)
    with pytest.raises(RefusedError, match="Environment has resources"):
        await order.cancelled()
    assert [app["name"] for app in await bench.applications()] == ["a-database-ui"]


async def test_an_app_that_somebody_deleted_already_is_fine(bench: Bench) -> None:
    order = bench.order()
    await order.deployed()
    assert order.row is not None
    await bench.api("DELETE", f"/applications/{order.row.application}")
    await bench.applications_become(0)
    await bench.api("DELETE", f"/projects/{bench.running.project_uuid}/environments/project-{order.project_id}")
    await removed(bench, order)


async def test_orders_of_others_are_left_alone(bench: Bench) -> None:
    first, second = bench.order(), bench.order()
    await first.deployed()
    await second.deployed()
    await first.cancelled()
    assert [app["fqdn"] for app in await bench.applications()] == [f"https://{second.fqdn}"]
