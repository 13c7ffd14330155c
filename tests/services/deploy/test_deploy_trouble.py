"""What deploy survives: lost answers, skipped, failed, stuck and cancelled deployments, restarts, full queues."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from services.deploy.blueprint import environment_name
from services.deploy.coolify_errors import UnansweredError
from services.deploy.models import ProjectDeployment, Stage
from shared.errors import PermanentError
from shared.outcome import Done, Later, Parked
from tests.services.deploy.bench import Bench, Order, running_bench

SERVER = "srv0000000000000000000001"
STUCK_AFTER = 1200.0


async def waiting(order: Order) -> Parked:
    """Try once; the deployment is under way."""
    outcome = await order.deploy()
    assert isinstance(outcome, Parked)
    assert outcome.key.startswith("deployment:")
    return outcome


@pytest.mark.parametrize("kind", ["lost_answer", "error_after", "malformed", "empty"])
@pytest.mark.parametrize("call", ["create_environment", "create_application", "update_variables", "deploy"])
async def test_work_whose_answer_is_lost_is_not_done_twice(bench: Bench, call: str, kind: str) -> None:
    await bench.fault(call, kind)
    order = bench.order()
    await order.deployed()
    [app] = await bench.applications()
    assert app["deployment_count"] == 1
    assert order.row is not None
    assert order.row.application == app["uuid"]
    assert order.row.token_hash == hashlib.sha256(app["env"]["VRS_BOOTSTRAP_TOKEN"].encode()).digest()


@pytest.mark.parametrize("call", ["get_deployment", "get_application", "list_deployments"])
@pytest.mark.parametrize("kind", ["lost_answer", "error", "malformed", "empty", "rate_limited"])
async def test_a_look_that_fails_is_repeated(bench: Bench, call: str, kind: str) -> None:
    await bench.fault(call, kind)
    await bench.order().deployed()
    assert (await bench.applications())[0]["deployment_count"] == 1


async def test_a_create_that_came_true_late_is_adopted_when_the_domain_conflicts(bench: Bench) -> None:
    order = bench.order()
    body = {
        "project_uuid": bench.running.project_uuid,
        "server_uuid": SERVER,
        "environment_name": environment_name(order.project_id),
        "name": f"vrs-{order.project_id}",
        "docker_registry_image_name": "ghcr.io/vrs/vrs-core",
        "domains": f"https://{order.fqdn}",
    }
    await bench.fault("create_application", "error")
    with pytest.raises(Exception, match="502"):
        await order.deploy()
    # The look before the second create finds nothing; between the two the first one comes true.
    looked = asyncio.create_task(order.deploy())
    await bench.control(latency=0.1)
    await bench.called("get_environment")
    made = await bench.api("POST", "/applications/dockerimage", body)
    await looked
    await bench.control(latency=0)
    await order.deployed()
    assert [app["uuid"] for app in await bench.applications()] == [made.json()["uuid"]]


async def test_of_two_applications_the_oldest_stays(bench: Bench) -> None:
    order = bench.order()
    environment = environment_name(order.project_id)
    await bench.api("POST", f"/projects/{bench.running.project_uuid}/environments", {"name": environment})
    made = [
        await bench.api(
            "POST",
            "/applications/dockerimage",
            {
                "project_uuid": bench.running.project_uuid,
                "server_uuid": SERVER,
                "environment_name": environment,
                "name": f"vrs-{order.project_id}",
                "docker_registry_image_name": "ghcr.io/vrs/old",
                "autogenerate_domain": False,
            },
        )
        for _ in range(2)
    ]
    await order.deployed()
    assert order.row is not None
    assert order.row.application == made[0].json()["uuid"]
    await bench.applications_become(1)
    [app] = await bench.applications()
    assert (app["uuid"], app["image"], app["fqdn"]) == (
        order.row.application,
        "ghcr.io/vrs/vrs-core",
        f"https://{order.fqdn}",
    )


async def test_a_skipped_deployment_leads_to_the_one_that_is_under_way(bench: Bench) -> None:
    await bench.control(deploy_seconds=0.5)
    await bench.fault("deploy", "error")
    order = bench.order()
    with pytest.raises(Exception, match="502"):
        await order.deploy()
    assert order.row is not None
    application = order.row.application
    live = await bench.api("POST", "/deploy", {"uuid": application})
    # As a first request would be: not forced, hence skipped with a uuid that does not exist.
    phantom = await bench.coolify.deploy(application or "", force=False)
    row = order.row.at(Stage.DEPLOYING, deployment=phantom)
    order.tables[("deployments", order.project_id)] = row
    await order.deployed()
    assert order.row.deployment == live.json()["deployments"][0]["deployment_uuid"]
    assert order.row.deployment != phantom


async def test_a_failed_deployment_is_tried_once_more_by_force(bench: Bench) -> None:
    await bench.control(fail_deployments=1)
    order = bench.order()
    await order.deployed()
    deployments = (await bench.state())["deployments"]
    assert [(one["status"], one["force_rebuild"]) for one in deployments] == [("failed", False), ("finished", True)]


async def test_a_deployment_that_fails_twice_ends_the_step_and_a_replay_begins_anew(bench: Bench) -> None:
    await bench.control(fail_deployments=2)
    order = bench.order()
    with pytest.raises(PermanentError, match=r"srv-tenants-1 failed.*replay") as caught:
        await order.deployed()
    assert caught.value.code == "deployment_failed"
    assert order.row is not None
    assert str(order.row.deployment) in str(caught.value)
    done = await order.deployed()
    assert isinstance(done, Done)
    [app] = await bench.applications()
    assert [one["status"] for one in app["deployments"]] == ["failed", "failed", "finished"]


async def test_a_restart_of_coolify_costs_one_more_deployment(bench: Bench) -> None:
    await bench.control(deploy_seconds=2)
    orders = [bench.order(server=number) for number in (1, 1, 2)]
    waits = [await waiting(order) for order in orders]
    await bench.control(restart_seconds=0.5)
    await asyncio.gather(*(order.woken(wait) for order, wait in zip(orders, waits, strict=True)))
    await asyncio.gather(*(order.deployed() for order in orders))
    assert all("coolify_502" in order.troubles for order in orders)
    for app in await bench.applications():
        assert [one["status"] for one in app["deployments"]] == ["failed", "finished"]


async def test_a_server_that_is_away_is_waited_for(bench: Bench) -> None:
    await bench.control(server={"uuid": SERVER, "reachable": False})
    order = bench.order()
    await order.woken(await waiting(order))
    outcome = await order.deploy()
    assert isinstance(outcome, Later)
    assert "srv-tenants-1" in outcome.message
    await bench.control(server={"uuid": SERVER, "reachable": True})
    await order.deployed()


async def test_a_deployment_that_somebody_cancelled_ends_the_step_and_a_replay_deploys(bench: Bench) -> None:
    await bench.control(deploy_seconds=30)
    order = bench.order()
    wait = await waiting(order)
    await bench.api("POST", f"/deployments/{wait.key.partition(':')[2]}/cancel")
    await order.woken(wait)
    with pytest.raises(PermanentError, match="cancelled by somebody") as caught:
        await order.deploy()
    assert caught.value.code == "deployment_cancelled"
    await bench.control(deploy_seconds=0.05)
    await order.deployed()


async def test_a_stuck_deployment_is_cancelled_and_tried_once_more(bench: Bench) -> None:
    await bench.control(stick_deployments=1)
    order = bench.order()
    wait = await waiting(order)
    bench.kernel.park(wait.key)
    await bench.watch.look(bench.kernel)
    bench.clock.now += STUCK_AFTER - 1
    await bench.watch.look(bench.kernel)
    assert bench.kernel.parked[wait.key], "woken too early"
    bench.clock.now += 1
    await order.woken(wait)
    await order.deployed()
    [app] = await bench.applications()
    assert [one["status"] for one in app["deployments"]] == ["cancelled-by-user", "finished"]


async def test_a_deployment_is_freed_from_one_that_sticks_before_it_and_that_nobody_waits_for(bench: Bench) -> None:
    await bench.control(stick_deployments=1)
    order = bench.order()
    await waiting(order)
    [(key, row)] = [(key, row) for key, row in order.tables.items() if row is order.row]
    assert isinstance(row, ProjectDeployment)
    behind = await bench.coolify.deploy(row.application or "", force=True)
    order.tables[key] = row.at(Stage.DEPLOYING, deployment=behind)
    wait = await waiting(order)
    bench.kernel.park(wait.key)
    await bench.watch.look(bench.kernel)
    bench.clock.now += STUCK_AFTER
    await order.woken(wait)
    await order.deployed()
    [app] = await bench.applications()
    assert [one["status"] for one in app["deployments"]] == ["cancelled-by-user"] * 2 + ["finished"]


async def test_a_deployment_that_sticks_twice_ends_the_step(bench: Bench) -> None:
    await bench.control(stick_deployments=2)
    order = bench.order()
    for _ in range(2):
        wait = await waiting(order)
        bench.kernel.park(wait.key)
        await bench.watch.look(bench.kernel)
        bench.clock.now += STUCK_AFTER
        await order.woken(wait)
    with pytest.raises(PermanentError, match="did not get on") as caught:
        await order.deploy()
    assert caught.value.code == "deployment_stuck"
    assert [one["status"] for one in (await bench.state())["deployments"]] == ["cancelled-by-user"] * 2


async def test_a_queued_deployment_is_not_stuck_while_its_server_gets_on(bench: Bench) -> None:
    await bench.control(deploy_seconds=0.3)
    orders = [bench.order() for _ in range(5)]
    waits = [await waiting(order) for order in orders]
    last = waits[-1]
    woken = bench.kernel.park(last.key)
    seen: set[str] = set()
    while len(seen) < 2:
        live = {deployment.uuid for deployment in await bench.coolify.live_deployments()}
        seen.add(",".join(sorted(live)))
        await bench.watch.look(bench.kernel)
        bench.clock.now += 1
        await asyncio.sleep(0.05)
    assert not woken.is_set()


async def test_a_full_queue_parks_the_order_until_there_is_room(bench: Bench) -> None:
    await bench.control(deploy_seconds=1.5)
    await bench.api("PATCH", f"/servers/{SERVER}", {"deployment_queue_limit": 1})
    orders = [bench.order() for _ in range(8)]
    outcomes = [await order.deploy() for order in orders]
    full = [outcome for outcome in outcomes if isinstance(outcome, Parked) and outcome.key == f"queue:{SERVER}"]
    assert len(full) == 5
    assert all(outcome.until_woken for outcome in full)
    await asyncio.gather(*(order.deployed() for order in orders))
    apps = await bench.applications()
    assert [app["deployment_count"] for app in apps] == [1] * 8
    assert (await bench.calls())["update_variables"] == 8
    assert [trouble for order in orders for trouble in order.troubles] == []


async def test_an_app_that_does_not_come_to_run_ends_the_step(bench: Bench) -> None:
    order = bench.order()
    await order.woken(await waiting(order))
    deploying = order.row
    assert deploying is not None
    await bench.api("POST", f"/applications/{deploying.application}/stop")
    assert isinstance(await order.deploy(), Later)
    row = order.row
    assert row is not None
    order.tables[("deployments", order.project_id)] = replace(row, since=row.since - timedelta(minutes=2))
    with pytest.raises(PermanentError, match="exited") as caught:
        await order.deploy()
    assert caught.value.code == "app_not_running"


async def test_an_unanswered_call_says_what_was_asked(bench: Bench) -> None:
    await bench.fault("deploy", "lost_answer")
    with pytest.raises(UnansweredError, match="POST /deploy"):
        await bench.order().deploy()


async def test_fifty_orders_share_the_request_limit_without_a_single_429(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 requests a minute, with a minute of three seconds on both sides."""
    monkeypatch.setattr("services.deploy.budget.WINDOW", 3.0)
    monkeypatch.setattr("simulators.coolify.access.WINDOW_SECONDS", 3)
    async with running_bench(rate_limit=200, app_storage="") as bench:
        await bench.control(deploy_seconds=0.1)
        orders = [bench.order(server=number % 10 + 1) for number in range(50)]
        polling = asyncio.create_task(bench.watch.run(bench.kernel))
        await asyncio.gather(*(order.deployed_by_a_running_watch() for order in orders))
        polling.cancel()
        calls = await bench.calls()
        troubles = [trouble for order in orders for trouble in order.troubles]
        assert set(troubles) <= {"coolify_unanswered"}, "a slow machine may leave a call unanswered, none is a 429"
        assert troubles or sum(calls.values()) - calls["list_deployments"] == 50 * 6 + 1
        assert {app["status"] for app in await bench.applications()} == {"running:healthy"}
