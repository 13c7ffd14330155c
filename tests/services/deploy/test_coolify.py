"""The API client against the simulator's refusals and faults."""

import time

import pytest

from services.deploy.budget import Lane
from services.deploy.coolify_errors import (
    ApplicationGoneError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    QueueFullError,
    RefusedError,
    ThrottledError,
    UnansweredError,
    UnauthorizedError,
    UnavailableError,
)
from services.deploy.coolify_models import Application, DeploymentStatus, NewApplication, Variable
from tests.services.deploy.bench import NOWHERE, Bench, Client


def fields(bench: Bench, **changes: object) -> NewApplication:
    given: dict[str, object] = {
        "project_uuid": bench.running.project_uuid,
        "server_uuid": bench.running.servers[0].uuid,
        "environment_name": "production",
        "name": "vrs-test",
        "description": "project=test",
        "docker_registry_image_name": "ghcr.io/vrs/vrs-core",
        "docker_registry_image_tag": "1.0.0",
        "ports_exposes": "8080",
        "domains": "https://a.vrs.example",
        "tags": ("vrs",),
        "health_check_type": "http",
        "health_check_command": None,
        "health_check_path": "/health",
        "health_check_port": 8080,
        "health_check_interval": 5,
        "health_check_timeout": 3,
        "health_check_retries": 3,
        "health_check_start_period": 5,
        "limits_memory": "512m",
        "limits_cpus": "0.5",
    }
    return NewApplication.model_validate(given | changes)


async def test_the_version_is_a_bare_text(bench: Bench) -> None:
    assert await bench.coolify.version() == "4.3.10"


async def test_deployments_are_read_as_a_list_and_as_an_object(bench: Bench) -> None:
    await bench.control(deploy_seconds=30)
    await bench.order().deploy()
    await bench.order().deploy()
    listed = await bench.coolify.live_deployments()
    await bench.control(deployments_as_object=True)
    assert await bench.coolify.live_deployments() == listed
    assert [deployment.status for deployment in listed] == [DeploymentStatus.IN_PROGRESS] * 2


async def test_a_status_that_is_not_known_yet_counts_as_live() -> None:
    assert DeploymentStatus("paused").is_live


@pytest.mark.parametrize(
    ("status", "running"),
    [
        ("running:healthy", True),
        ("running:unknown", True),
        ("running (healthy)", True),
        ("running:unhealthy", True),
        ("starting:unknown", False),
        ("exited:unhealthy", False),
    ],
)
def test_an_app_runs_or_not_whatever_its_health(status: str, running: bool) -> None:
    assert Application(uuid="a", status=status).is_running is running


async def test_a_wrong_token_is_said_and_stops_the_process(bench: Bench, client: Client) -> None:
    coolify = await client(bench.running.url, token="1|wrong")
    with pytest.raises(UnauthorizedError, match="VRS_COOLIFY_TOKEN") as caught:
        await coolify.servers()
    assert caught.value.code == "coolify_401"
    assert "wrong" not in str(caught.value)
    assert coolify._budget._wait(Lane.WORK) > 59


async def test_a_missing_ability_is_said(bench: Bench, client: Client) -> None:
    with pytest.raises(ForbiddenError, match="read, write and deploy"):
        await (await client(bench.running.url, token="8|read-token")).create_project("customers")


async def test_a_missing_application_differs_from_a_missing_route(bench: Bench, client: Client) -> None:
    with pytest.raises(ApplicationGoneError):
        await bench.coolify.application("app0000000000000000000099")
    with pytest.raises(ApplicationGoneError):
        await bench.coolify.deploy("app0000000000000000000099", force=False)
    with pytest.raises(NotFoundError) as caught:
        await bench.coolify.deployment("dep0000000000000000000099")
    assert not isinstance(caught.value, ApplicationGoneError)
    with pytest.raises(NotFoundError, match="VRS_COOLIFY_URL") as caught:
        await (await client(bench.running.url + "/api")).servers()
    assert not isinstance(caught.value, ApplicationGoneError)


async def test_a_taken_domain_names_who_has_it(bench: Bench) -> None:
    first = await bench.coolify.create_application(fields(bench))
    with pytest.raises(ConflictError) as caught:
        await bench.coolify.create_application(fields(bench, name="vrs-other"))
    [conflict] = caught.value.conflicts
    assert (conflict.domain, conflict.resource_name, conflict.resource_uuid) == (
        "https://a.vrs.example",
        "vrs-test",
        first,
    )


async def test_a_refused_field_is_named(bench: Bench) -> None:
    with pytest.raises(RefusedError, match=r"domains: Invalid URL") as caught:
        await bench.coolify.create_application(fields(bench, domains="a.vrs.example"))
    assert caught.value.code == "coolify_422"
    assert list(caught.value.fields) == ["domains"]


async def test_a_full_queue_is_no_throttle(bench: Bench) -> None:
    await bench.control(stick_deployments=2)
    server = bench.running.servers[0].uuid
    await bench.api("PATCH", f"/servers/{server}", {"deployment_queue_limit": 1})
    made = [
        await bench.coolify.create_application(fields(bench, name=f"vrs-{n}", domains=f"https://{n}.vrs.example"))
        for n in range(4)
    ]
    for application in made[:3]:
        await bench.coolify.deploy(application, force=False)
    with pytest.raises(QueueFullError) as caught:
        await bench.coolify.deploy(made[3], force=False)
    assert caught.value.retry_after == 60
    assert bench.budget._wait(Lane.WORK) == 0


async def test_a_throttle_pauses_the_whole_process(bench: Bench) -> None:
    await bench.fault("list_servers", "rate_limited")
    with pytest.raises(ThrottledError) as caught:
        await bench.coolify.servers()
    assert caught.value.retry_after == 1
    began = time.monotonic()
    await bench.coolify.live_deployments()
    assert time.monotonic() - began > 0.8


async def test_json_is_asked_for_and_a_429_that_is_none_is_a_throttle_too(bench: Bench, client: Client) -> None:
    await bench.control(rate_limit=1)
    await (await client(bench.running.url)).servers()
    with pytest.raises(ThrottledError, match="Too Many Attempts"):
        await (await client(bench.running.url)).servers()
    with pytest.raises(ThrottledError, match="text/html") as caught:
        await (await client(bench.running.url, Accept="*/*")).servers()
    assert 0 < (caught.value.retry_after or 0) <= 60


async def test_nobody_there_is_temporary_and_nothing_was_sent(client: Client) -> None:
    with pytest.raises(UnavailableError) as caught:
        await (await client(NOWHERE)).servers()
    assert caught.value.code == "coolify_unreachable"


@pytest.mark.parametrize("kind", ["lost_answer", "malformed", "empty"])
async def test_an_answer_that_is_lost_or_unreadable_leaves_it_open_what_happened(bench: Bench, kind: str) -> None:
    await bench.fault("create_application", kind)
    with pytest.raises(UnansweredError):
        await bench.coolify.create_application(fields(bench))
    assert len(await bench.applications()) == 1


async def test_variables_keep_what_they_are_on_a_second_write(bench: Bench) -> None:
    application = await bench.coolify.create_application(fields(bench))
    variables = [Variable(key="A", value="1"), Variable(key="B", value="x$y")]
    await bench.coolify.set_variables(application, variables)
    await bench.coolify.set_variables(application, variables[:1])
    assert (await bench.applications())[0]["env"] == {"A": "1", "B": "x$y"}
    shown = (await bench.api("GET", f"/applications/{application}/envs")).json()
    assert {(row["is_literal"], row["is_buildtime"], row["is_runtime"]) for row in shown} == {(True, False, True)}


@pytest.mark.parametrize("value", ["it's", " padded ", "two\nlines"])
def test_a_value_that_would_break_the_env_file_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="value"):
        Variable(key="A", value=value)


async def test_deleting_keeps_volumes_and_never_prunes_the_server(bench: Bench) -> None:
    application = await bench.coolify.create_application(fields(bench))
    await bench.coolify.delete_application(application, delete_volumes=False)
    [deletion] = (await bench.state())["deletions"]
    assert (deletion["delete_volumes"], deletion["docker_cleanup"]) == (False, False)
    assert deletion["delete_configurations"] is deletion["delete_connected_networks"] is True


async def test_cancelling_what_is_over_is_no_error(bench: Bench) -> None:
    order = bench.order()
    await order.deployed()
    assert order.row is not None
    await bench.coolify.cancel(order.row.deployment or "")
    await bench.fault("cancel_deployment", "refused", code=500)
    await bench.coolify.cancel(order.row.deployment or "")
    with pytest.raises(NotFoundError):
        await bench.coolify.cancel("dep0000000000000000000099")
