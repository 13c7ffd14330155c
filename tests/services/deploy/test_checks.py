"""What ``vrs doctor`` finds out about Coolify."""

import httpx
import pytest

from services.deploy.budget import Budget
from services.deploy.checks import check_coolify
from services.deploy.coolify import Coolify
from services.deploy.coolify_errors import ForbiddenError
from shared.errors import PermanentError, TemporaryError
from tests.services.deploy.bench import NOWHERE, Bench, Client


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
