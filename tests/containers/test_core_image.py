"""The image of vrs-core, built from this checkout and run with its compose file, boots with the real marketplace."""

import asyncio
import json
import os
from pathlib import Path
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.signatures import written
from ops.ports import free_port
from ops.stack.containers import engine_answers
from shared.database import Database
from tests.services.core.market import open_market

CHECKOUT = Path(__file__).parents[2]
WITHIN = 300.0
"""Seconds."""


async def compose(environment: dict[str, str], *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *("docker", "compose", "--file", "services/core/compose.yaml", *arguments),
        cwd=CHECKOUT,
        env=dict(os.environ) | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_the_image_boots_keeps_its_plugins_over_a_new_container_and_stops_in_time(
    database: Database, tmp_path: Path
) -> None:
    assert engine_answers(), "no container engine answers: start one, or set DOCKER_HOST"
    port = free_port()
    async with open_market(database, tmp_path, host="0.0.0.0") as market:
        await market.publish("blog")
        await market.license("blog")
        environment = {
            "COMPOSE_PROJECT_NAME": f"vrs-core-{uuid4().hex[:8]}",
            "VRS_CORE_PORT": str(port),
            "VRS_PROJECT_ID": str(market.project),
            "VRS_MARKETPLACE_URL": market.url.replace("0.0.0.0", "host.docker.internal"),
            "VRS_BOOTSTRAP_TOKEN": market.token,
            "VRS_PROJECT_KEY": written(Ed25519PrivateKey.generate()),
            "VRS_MANIFEST_KEYS": written(market.manifest_key.public_key()),
            "VRS_PLUGIN_KEYS": written(market.plugin_key.public_key()),
        }
        try:
            await compose(environment, "up", "--build", "--wait", "--wait-timeout", str(int(WITHIN)))
            async with httpx.AsyncClient(trust_env=False) as http:
                report = (await http.get(f"http://127.0.0.1:{port}/health")).json()
            assert (report["state"], report["plugins"][0]["installed"]) == ("healthy", "1.0.0")
            await compose(environment, "up", "--wait", "--force-recreate", "--wait-timeout", str(int(WITHIN)))
            assert len(await market.downloads()) == 1
            running = json.loads((await compose(environment, "ps", "--format", "json")).splitlines()[0])
            assert running["Health"] == "healthy"
            assert await compose(environment, "exec", "-T", "core", "id", "-u") == "10001\n"
        finally:
            await compose(environment, "down", "--volumes", "--timeout", "10")
