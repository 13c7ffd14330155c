"""The Coolify simulator queues, fails and lies as Coolify does."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from simulators.coolify import running_coolify
from simulators.core import running_core
from tests.simulators.coolify_api import SERVER, Api, until

NOT_HEALTHY = "New container is not healthy, rolling back to the old container."


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_coolify() as running, httpx.AsyncClient() as http:
        api = Api(running, http)
        await api.control(deploy_seconds=0.05, blip_seconds=0, delete_seconds=0, rate_limit=6000)
        yield api


async def test_a_finished_deployment_shows_unhealthy_until_the_status_sweep(api: Api) -> None:
    await api.control(blip_seconds=60)
    uuid = await api.created()
    assert await api.ended(await api.deploy(uuid)) == "finished"
    assert await api.status(f"/applications/{uuid}") == "running:unhealthy"
    await api.control(blip_seconds=0.1)
    assert await api.ended(await api.deploy(uuid)) == "finished"
    await api.shows(f"/applications/{uuid}", "running:healthy")


async def test_without_a_health_check_the_health_is_unknown(api: Api) -> None:
    uuid = await api.created(health_check_enabled=False, docker_registry_image_name="acme/unhealthy")
    assert await api.ended(await api.deploy(uuid)) == "finished"
    assert await api.status(f"/applications/{uuid}") == "running:unknown"


async def test_a_duplicate_is_skipped_with_a_uuid_that_never_exists(api: Api) -> None:
    await api.control(stick_deployments=1)
    uuid = await api.created()
    await api.deploy(uuid)
    skipped = (await api.ask("POST", f"/deploy?uuid={uuid}")).json()["deployments"][0]
    assert skipped["message"] == "Deployment already queued for this commit."
    assert await api.status(f"/deployments/{skipped['deployment_uuid']}") == "404"
    assert "deployment_uuid" not in (await api.ask("POST", f"/applications/{uuid}/start")).json()
    forced = await api.deploy(uuid, force=True)
    assert await api.status(f"/deployments/{forced}") == "queued"
    listed = (await api.ask("GET", f"/deployments/applications/{uuid}?take=1")).json()
    assert (listed["count"], [shown["deployment_uuid"] for shown in listed["deployments"]]) == (2, [forced])


async def test_a_full_queue_is_429_for_deploy_and_a_lie_for_start(api: Api) -> None:
    await api.control(stick_deployments=2)
    await api.ask("PATCH", f"/servers/{SERVER}", {"deployment_queue_limit": 1})
    for _ in range(3):
        await api.deploy(await api.created())
    uuid = await api.created()
    full = await api.ask("POST", "/deploy", {"uuid": uuid}, accept="*/*")
    assert (full.status_code, full.headers["retry-after"]) == (429, "60")
    assert full.json()["message"].startswith("Deployment queue is full.")
    started = (await api.ask("POST", f"/applications/{uuid}/start")).json()
    assert await api.status(f"/deployments/{started['deployment_uuid']}") == "404"
    elsewhere = await api.created(server_uuid="srv0000000000000000000002")
    assert await api.ended(await api.deploy(elsewhere)) == "finished"


async def test_two_run_at_once_on_a_server_and_the_oldest_goes_next(api: Api) -> None:
    await api.control(deploy_seconds=0.3)  # long enough to be seen side by side on a slow machine
    deployments = [await api.deploy(await api.created()) for _ in range(6)]
    rows: dict[str, dict[str, Any]] = {}
    most = 0

    async def all_over() -> bool:
        nonlocal rows, most
        rows = {row["deployment_uuid"]: row for row in (await api.state())["deployments"]}
        statuses = Counter(row["status"] for row in rows.values())
        most = max(most, statuses["in_progress"])
        return statuses["finished"] == len(deployments)

    await until(all_over)
    ends = [rows[deployment]["finished_at"] for deployment in deployments]
    assert ends == sorted(ends)
    assert most == 2


async def test_a_failed_health_check_leaves_the_old_version_running(api: Api) -> None:
    uuid = await api.created()
    assert await api.ended(await api.deploy(uuid)) == "finished"
    await api.ask(
        "PATCH",
        f"/applications/{uuid}",
        {"docker_registry_image_name": "ghcr.io/acme/unhealthy", "docker_registry_image_tag": "2"},
    )
    failed = await api.deploy(uuid)
    assert await api.ended(failed) == "failed"
    assert await api.status(f"/applications/{uuid}") == "running:healthy"
    app = (await api.state())["applications"][0]
    assert (app["tag"], app["running"]["tag"]) == ("2", "1.4.2")
    assert NOT_HEALTHY in (await api.ask("GET", f"/deployments/{failed}")).json()["logs"]


async def test_the_next_deployments_fail_on_demand_and_a_first_one_leaves_the_app_exited(api: Api) -> None:
    await api.control(fail_deployments=1)
    uuid = await api.created()
    assert await api.ended(await api.deploy(uuid)) == "failed"
    assert await api.status(f"/applications/{uuid}") == "exited:unhealthy"
    assert await api.ended(await api.deploy(uuid)) == "finished"


async def test_one_app_can_be_made_unhealthy_by_its_domain(api: Api) -> None:
    await api.control(unhealthy=["sick.example.com"])
    sick, well = await api.created(domains="https://sick.example.com"), await api.created()
    assert [await api.ended(await api.deploy(uuid)) for uuid in (sick, well)] == ["failed", "finished"]


@pytest.mark.parametrize("flag", ["is_literal", "is_multiline"])
async def test_a_quote_in_a_literal_value_breaks_the_deployment(api: Api, flag: str) -> None:
    uuid = await api.created()
    await api.ask("POST", f"/applications/{uuid}/envs", {"key": "A", "value": "it's", flag: True})
    assert await api.ended(await api.deploy(uuid)) == "failed"


async def test_a_server_that_is_away_fails_deployments_that_were_accepted(api: Api) -> None:
    await api.control(server={"uuid": SERVER, "reachable": False})
    settings = (await api.ask("GET", f"/servers/{SERVER}")).json()["settings"]
    assert (settings["is_reachable"], settings["is_usable"]) == (False, False)
    deployment = await api.deploy(await api.created())
    assert await api.ended(deployment) == "failed"
    assert "Server is not functional." in (await api.ask("GET", f"/deployments/{deployment}")).json()["logs"]


async def test_a_restart_is_502_for_a_while_and_fails_every_live_deployment(api: Api) -> None:
    await api.control(deploy_seconds=30)
    deployments = [await api.deploy(await api.created()) for _ in range(3)]
    await api.control(restart_seconds=1)
    assert (await api.ask("GET", "/version")).status_code == 502
    await until(lambda: _answers(api))
    assert [await api.status(f"/deployments/{deployment}") for deployment in deployments] == ["failed"] * 3
    assert (await api.ask("GET", "/deployments")).json() == []


async def _answers(api: Api) -> bool:
    return (await api.ask("GET", "/version")).status_code == 200


async def test_a_stuck_deployment_can_be_cancelled_once_and_the_next_goes_on(api: Api) -> None:
    await api.control(stick_deployments=1)
    uuid = await api.created()
    stuck, waiting = await api.deploy(uuid), await api.deploy(uuid, force=True)
    cancelled = await api.ask("POST", f"/deployments/{stuck}/cancel")
    assert cancelled.json()["status"] == "cancelled-by-user"
    assert await api.ended(waiting) == "finished"
    again = await api.ask("POST", f"/deployments/{stuck}/cancel")
    assert (again.status_code, again.json()["message"]) == (
        400,
        "Deployment cannot be cancelled. Current status: cancelled-by-user",
    )


async def test_the_live_deployments_are_an_array_or_an_object(api: Api) -> None:
    await api.control(stick_deployments=1)
    deployment = await api.deploy(await api.created())
    assert [row["deployment_uuid"] for row in (await api.ask("GET", "/deployments")).json()] == [deployment]
    await api.control(deployments_as_object=True)
    assert (await api.ask("GET", "/deployments")).json()["0"]["deployment_uuid"] == deployment


async def test_deploy_takes_uuid_or_tag_and_answers_a_tag_in_another_shape(api: Api) -> None:
    uuid = await api.created(tags=["order-1"])
    for wrong in ({"uuid": uuid, "tag": "order-1"}, {"force": True}):
        assert (await api.ask("POST", "/deploy", wrong)).status_code == 400
    assert (await api.ask("POST", "/deploy", {"uuid": "unknown"})).json() == {"message": "No resources found."}
    by_tag = (await api.ask("POST", "/deploy", {"tag": "order-1"})).json()
    assert [detail["resource_uuid"] for detail in by_tag["details"]] == [uuid]


async def test_a_bad_window_is_laravels_own_error(api: Api) -> None:
    path = f"/deployments/applications/{await api.created()}?take=0"
    assert (await api.ask("GET", path)).status_code == 422
    assert (await api.ask("GET", path, accept="*/*")).status_code == 302


async def test_deleting_an_app_takes_its_deployments_along(api: Api) -> None:
    await api.control(stick_deployments=1)
    uuid = await api.created()
    stuck = await api.deploy(uuid)
    for _ in range(2):
        await api.ask("DELETE", f"/applications/{uuid}")
    await api.shows(f"/applications/{uuid}", "404")
    await api.shows(f"/deployments/{stuck}", "404")
    assert (await api.state())["applications"] == []


async def test_a_deployed_app_runs_in_the_core_simulator_until_it_is_deleted() -> None:
    async with running_core() as core, running_coolify(core_url=core.url) as running, httpx.AsyncClient() as http:
        api = Api(running, http)
        await api.control(deploy_seconds=0, delete_seconds=0)
        uuid = await api.created(domains="https://a.example.com,https://www.a.example.com")
        rows = [{"key": "NAME", "value": "acme"}, {"key": "RAW", "value": "$NAME", "is_literal": True}]
        rows.append({"key": "GREETING", "value": "hello $NAME"})
        await api.ask("PATCH", f"/applications/{uuid}/envs/bulk", {"data": rows})
        assert await api.ended(await api.deploy(uuid)) == "finished"
        apps = await _apps(http, core.url)
        assert sorted(apps) == ["a.example.com", "www.a.example.com"]
        env = apps["a.example.com"]["env"]
        assert (env["RAW"], env["GREETING"], env["PORT"]) == ("$NAME", "hello acme", "8080")
        assert (apps["a.example.com"]["tag"], apps["a.example.com"]["server_ip"]) == ("1.4.2", "203.0.113.10")
        await api.ask("PATCH", f"/applications/{uuid}", {"domains": "https://b.example.com"})
        assert await api.ended(await api.deploy(uuid)) == "finished"
        assert sorted(await _apps(http, core.url)) == ["b.example.com"]
        await api.ask("DELETE", f"/applications/{uuid}")
        await api.shows(f"/applications/{uuid}", "404")
        assert await _apps(http, core.url) == {}


async def test_a_deployment_fails_when_its_container_cannot_be_started() -> None:
    async with running_coolify(core_url="http://127.0.0.1:1") as running, httpx.AsyncClient() as http:
        api = Api(running, http)
        await api.control(deploy_seconds=0)
        assert await api.ended(await api.deploy(await api.created())) == "failed"


async def _apps(http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    return {app["fqdn"]: app for app in (await http.get(f"{url}/_apps")).json()}
