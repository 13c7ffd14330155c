"""DnsConfigured -> AppDeployed, on the Coolify simulator."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import AppDeployed, Locale
from services.deploy.blueprint import application_name, environment_name
from services.deploy.coolify_errors import ConflictError
from services.deploy.models import Stage
from shared.errors import PermanentError
from shared.models import CoreToken, ProvisioningState
from shared.outcome import Later, Parked
from shared.step import AppImage
from tests.services.deploy.bench import TOKEN_LIFETIME, Bench, running_bench


async def test_an_order_becomes_a_running_app(bench: Bench) -> None:
    order = bench.order()
    done = await order.deployed()

    [app] = await bench.applications()
    assert app["name"] == application_name(order.project_id)
    assert app["environment"] == environment_name(order.project_id)
    assert app["server"] == "srv0000000000000000000001"
    assert app["fqdn"] == f"https://{order.fqdn}"
    assert app["status"] == "running:healthy"
    assert set(app["tags"]) == {environment_name(order.project_id), "vrs"}
    [said] = done.events
    assert isinstance(said, AppDeployed)
    assert (said.application, said.deployment) == (app["uuid"], app["deployments"][0]["uuid"])
    assert (said.image, said.tag, str(said.url)) == ("ghcr.io/vrs/vrs-core", "1.0.0", f"https://{order.fqdn}/")
    assert done.state is ProvisioningState.APP_DEPLOYED
    assert order.row is not None
    assert order.row.stage is Stage.DEPLOYED


async def test_the_container_is_given_what_it_needs_and_only_the_hash_of_its_token_is_kept(bench: Bench) -> None:
    order = bench.order(locale=Locale.EN)
    await order.deployed()

    env = (await bench.applications())[0]["env"]
    token, key = env.pop("VRS_BOOTSTRAP_TOKEN"), env.pop("VRS_PROJECT_KEY")
    assert env == {
        "VRS_PROJECT_ID": str(order.project_id),
        "VRS_MARKETPLACE_URL": "https://market.example",
        "VRS_PLUGINS": "shop==1.2.0,blog==2.0.1",
        "VRS_LOCALE": "en",
    }
    assert len(token) >= 40
    assert order.row is not None
    assert order.row.token_hash == hashlib.sha256(token.encode()).digest()
    [kept] = [row for row in order.tables.values() if isinstance(row, CoreToken)]
    assert (kept.token_hash, kept.project_id) == (order.row.token_hash, order.project_id)
    assert timedelta(0) < kept.expires_at - datetime.now(UTC) <= TOKEN_LIFETIME
    public = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(key + "=")).public_key()
    assert order.row.core_key == public.public_bytes_raw()
    assert token not in repr(order.row)


async def test_an_order_costs_eight_requests_and_the_polls_are_shared(bench: Bench) -> None:
    await bench.order().deployed()
    calls = await bench.calls()
    calls.pop("list_deployments")
    assert calls.pop("list_projects") == 1  # once for the process
    assert calls == {
        "create_environment": 1,
        "create_application": 1,
        "list_storages": 1,
        "create_storage": 1,
        "update_variables": 1,
        "deploy": 1,
        "get_deployment": 1,
        "get_application": 1,
    }


async def test_an_own_domain_is_served_with_its_www(bench: Bench) -> None:
    order = bench.order(base_domain=None)
    await order.deployed(order.event(f"www.{order.fqdn}"))
    assert (await bench.applications())[0]["fqdn"] == f"https://{order.fqdn},https://www.{order.fqdn}"


async def test_each_try_records_before_it_writes_to_coolify(bench: Bench) -> None:
    order = bench.order()
    step = order.step()
    await bench.control(fault={"call": "create_environment", "kind": "error"})
    with pytest.raises(Exception, match="502"):
        await bench.handlers.deploy_app(order.event(), step)
    assert step.records == 1
    assert order.row is not None
    assert order.row.stage is Stage.CREATING


async def test_a_wait_holds_nothing_and_asks_coolify_nothing(bench: Bench) -> None:
    await bench.control(deploy_seconds=60)
    order = bench.order()
    parked = await order.deploy()
    assert isinstance(parked, Parked)
    assert order.row is not None
    assert parked.key == f"deployment:{order.row.deployment}"
    bench.kernel.park(parked.key)
    await bench.watch.look(bench.kernel)
    before = await bench.calls()
    again = await order.deploy()  # it looked again by itself
    assert isinstance(again, Parked)
    assert again.key == parked.key
    assert await bench.calls() == before


async def test_unhealthy_right_after_a_deployment_holds_nothing_up(bench: Bench) -> None:
    await bench.control(blip_seconds=600)
    order = bench.order()
    await order.deployed()
    assert order.troubles == []
    assert (await bench.applications())[0]["deployment_count"] == 1


async def test_an_environment_that_exists_is_used(bench: Bench) -> None:
    order = bench.order()
    await bench.api(
        "POST", f"/projects/{bench.running.project_uuid}/environments", {"name": environment_name(order.project_id)}
    )
    await order.deployed()
    assert [app["environment"] for app in await bench.applications()] == [environment_name(order.project_id)]


async def test_a_second_event_for_a_running_app_changes_nothing(bench: Bench) -> None:
    order = bench.order()
    first = await order.deployed()
    again = await order.deployed()
    assert again.events == first.events
    assert (await bench.applications())[0]["deployment_count"] == 1


async def test_a_changed_order_updates_the_app_and_deploys_it_anew(bench: Bench) -> None:
    order = bench.order()
    await order.deployed()
    order.facts["plugins"] = ()
    await order.deployed()
    [app] = await bench.applications()
    assert app["env"]["VRS_PLUGINS"] in ("", None)
    assert app["deployment_count"] == 2
    assert order.row is not None
    assert order.row.token_hash == hashlib.sha256(app["env"]["VRS_BOOTSTRAP_TOKEN"].encode()).digest()


async def test_another_server_means_the_app_moves(bench: Bench) -> None:
    order = bench.order(server=1)
    await order.deployed()
    order.server = 2
    await order.deployed()
    assert [app["server"] for app in await bench.applications()] == ["srv0000000000000000000002"]
    [deletion] = (await bench.state())["deletions"]
    assert deletion["delete_volumes"] is False


async def test_a_domain_that_another_app_has_ends_the_step(bench: Bench) -> None:
    order = bench.order()
    await bench.order(slug=order.slug).deployed()
    with pytest.raises(ConflictError, match="Domain conflicts") as caught:
        await order.deploy()
    assert caught.value.code == "coolify_domain_conflict"
    assert len(await bench.applications()) == 1


async def test_what_is_deployed_is_the_image_of_the_project_type(bench: Bench) -> None:
    order = bench.order(project_type="wiki", image=AppImage("ghcr.io/vrs/wiki", "7.1", 3000))
    await order.deployed()
    [app] = await bench.applications()
    assert (app["image"], app["tag"]) == ("ghcr.io/vrs/wiki", "7.1")


async def test_an_unknown_plan_or_project_type_ends_the_step_before_any_call(bench: Bench) -> None:
    with pytest.raises(PermanentError, match=r"'gold'.*starter"):
        await bench.order(plan="gold").deploy()
    with pytest.raises(PermanentError, match="'wiki'"):
        await bench.order(project_type="wiki").deploy()
    assert await bench.calls() == {}


async def test_an_app_that_somebody_deleted_is_made_again(bench: Bench) -> None:
    order = bench.order()
    await order.deployed()
    assert order.row is not None
    await bench.api("DELETE", f"/applications/{order.row.application}")
    await bench.applications_become(0)
    outcome = await order.deploy()
    assert isinstance(outcome, Later)
    await order.deployed()
    assert len(await bench.applications()) == 1


async def test_the_coolify_project_is_made_if_its_name_is_new() -> None:
    async with running_bench(coolify_project="customers") as bench:
        await bench.order().deployed()
        await bench.order().deployed()
        projects = (await bench.state())["projects"]
        assert [project["name"] for project in projects].count("customers") == 1


async def test_a_coolify_project_given_by_a_uuid_must_exist() -> None:
    async with running_bench(coolify_project="a" * 24) as bench:
        with pytest.raises(PermanentError, match="VRS_COOLIFY_PROJECT"):
            await bench.order().deploy()


async def test_vrs_cores_folder_is_kept_in_a_volume_that_is_made_once(bench: Bench) -> None:
    await bench.order().deployed()
    [app] = await bench.applications()
    assert app["storages"] == {"/var/lib/vrs-core": f"{app['uuid']}-home"}
    await bench.coolify.keep_folder(app["uuid"], "/var/lib/vrs-core")
    assert len((await bench.applications())[0]["storages"]) == 1
    assert (await bench.calls())["create_storage"] == 1


async def test_nothing_is_kept_if_the_setting_is_empty() -> None:
    async with running_bench(app_storage="") as bench:
        await bench.order().deployed()
        assert (await bench.applications())[0]["storages"] == {}
