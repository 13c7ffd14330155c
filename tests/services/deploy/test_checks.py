"""What ``vrs doctor`` finds out about Coolify."""

import httpx
import pytest
from sqlalchemy import insert

from services.deploy.app_keys import check_app_keys
from services.deploy.budget import Budget
from services.deploy.checks import check_coolify
from services.deploy.coolify import Coolify
from services.deploy.coolify_errors import ForbiddenError
from shared.database import Database
from shared.errors import PermanentError, TemporaryError
from shared.models import ProjectType
from tests.services.deploy.bench import NOWHERE, Bench, Client, settings


async def test_the_doctor_finds_a_good_coolify(bench: Bench) -> None:
    await bench.control(server={"uuid": bench.running.servers[3].uuid, "reachable": False})
    said = await check_coolify(bench.coolify)
    assert said == ("Coolify 4.3.10, 9 of 10 servers usable (not srv-tenants-4), token may read, write and deploy")
    state = await bench.state()
    assert (len(state["projects"]), state["deployments"]) == (1, [])


async def test_the_doctor_says_what_a_token_lacks(bench: Bench, client: Client) -> None:
    with pytest.raises(ForbiddenError, match="Missing required permissions: write"):
        await check_coolify(await client(bench.running.url, token="8|read-token"))


@pytest.mark.parametrize("version", ["4.1.2", "4.0.0-beta.470", "v3.12.36", "<html>"])
async def test_the_doctor_refuses_an_old_coolify(version: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=version))
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as http:
        with pytest.raises(PermanentError, match=r"4\.2\.0"):
            await check_coolify(Coolify(http, Budget(200)))


async def test_the_doctor_says_that_nobody_is_there(client: Client) -> None:
    with pytest.raises(TemporaryError, match="not reached"):
        await check_coolify(await client(NOWHERE))


MANIFEST, PLUGIN = "A" * 43, "B" * 43


async def images(database: Database, **listed: str) -> None:
    rows = [{"name": name, "image": image, "image_tag": "1", "port": 80} for name, image in listed.items()]
    async with database.engine.begin() as connection:
        await connection.execute(insert(ProjectType), rows)


async def test_the_doctor_says_that_an_image_of_ours_lacks_its_keys_and_who_makes_them(database: Database) -> None:
    for half in ({}, {"manifest_keys": MANIFEST}, {"plugin_keys": PLUGIN}):
        with pytest.raises(PermanentError, match=r"(?s)not set.*exit code 2.*`vrs secrets`.*`vrs plugins keygen`"):
            await check_app_keys(database, settings(NOWHERE, **half))
    both = await check_app_keys(database, settings(NOWHERE, manifest_keys=MANIFEST, plugin_keys=PLUGIN))
    assert both == "applications are given VRS_MANIFEST_KEYS and VRS_PLUGIN_KEYS"


async def test_images_of_others_may_do_without_both_keys_but_not_without_one(database: Database) -> None:
    await images(database, **{"vrs-core": "registry.example/shop", "wiki": "wiki"})
    assert "registry.example/shop, wiki" in await check_app_keys(database, settings(NOWHERE))
    with pytest.raises(PermanentError, match=r"^VRS_PLUGIN_KEYS: not set"):
        await check_app_keys(database, settings(NOWHERE, manifest_keys=MANIFEST))
    await images(database, core="ghcr.io/vrs/vrs-core")
    with pytest.raises(PermanentError, match="VRS_MANIFEST_KEYS and VRS_PLUGIN_KEYS: not set"):
        await check_app_keys(database, settings(NOWHERE))
