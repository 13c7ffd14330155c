"""The production shape for real: compose.yaml with its images built from this checkout, and simulated vendors."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ops.contracts.system import build_services
from ops.secrets import write_secrets
from ops.stack.containers import engine_answers

CHECKOUT = Path(__file__).parent.parent.parent
WITHIN = 600.0
"""Seconds: these machines may be slow, and everything here takes as long as it takes."""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Compose:
    """`docker compose` on a project of the test's own."""

    environment: dict[str, str]

    async def __call__(self, *arguments: str, stdin: str = "", ok: bool = True) -> Ran:
        return await run(
            *("docker", "compose", "--env-file", "simulators.env", *arguments),
            stdin=stdin,
            ok=ok,
            environment=self.environment,
        )

    async def in_container(self, service: str, *command: str, stdin: str = "", ok: bool = True) -> Ran:
        """Run a command where a service runs."""
        return await self("exec", "-T", service, *command, stdin=stdin, ok=ok)

    async def query(self, sql: str) -> list[str]:
        """Ask PostgreSQL as its superuser; a line for each row."""
        psql = (
            "psql",
            "-h",
            "/var/run/postgresql",
            "-U",
            "vrs",
            "-d",
            "vrs",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
        )
        return (await self.in_container("postgres", *psql)).out.splitlines()

    async def containers(self) -> dict[str, Any]:
        """What the engine says of each container, by service."""
        ids = (await self("ps", "-aq")).out.split()
        told = json.loads((await run("docker", "inspect", *ids)).out)
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in told}


async def run(*command: str, stdin: str = "", ok: bool = True, environment: dict[str, str] | None = None) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=CHECKOUT,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(stdin.encode())
    ran = Ran(process.returncode or 0, out.decode(), err.decode())
    assert ran.code == 0 or not ok, f"{command} ended with {ran.code}: {ran.out[-2000:]} {ran.err[-2000:]}"
    return ran


@pytest.fixture(scope="session")
async def compose(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Compose]:
    """Everything up and healthy, with simulated vendors; nothing is left of it afterwards."""
    assert engine_answers(), "no container engine answers: start one, or set DOCKER_HOST"
    assert shutil.which("docker"), "the program docker with its plugin compose is needed"
    secrets = tmp_path_factory.mktemp("secrets")
    write_secrets(secrets, await build_services(), simulated=True)
    started = Compose(
        {name: value for name, value in os.environ.items() if not name.startswith("VRS_")}
        | {
            "COMPOSE_PROJECT_NAME": f"vrs-test-{uuid4().hex[:8]}",
            "VRS_SECRETS": str(secrets),
            "VRS_PUBLISH": "127.0.0.1:0",
        }
    )
    try:
        await started("build", "migrate", "simulated-core")
        await started("up", "--no-build", "--quiet-pull", "--wait", "--wait-timeout", str(int(WITHIN)))
        yield started
    finally:
        await started("down", "--volumes", "--timeout", "10", ok=False)
