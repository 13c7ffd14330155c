"""The pages about containers, read from top to bottom: each command in a checkout of the reader's own."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from ops.stack.containers import engine_answers
from tests.containers.conftest import CHECKOUT, WITHIN
from tests.examples.documents import blocks, printed

UP, KEYS = blocks("docs/containers.md")  # KEYS: tests/ops/test_secrets.py
[DUMP, RESTORE, RECOVER] = blocks("docs/backup.md")
[BUILD, IMAGE, *_] = blocks("docs/core.md")

VARIABLES = {"VRS_PUBLISH": "127.0.0.1:0", "COMPOSE_ENV_FILES": "simulators.env"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What git holds, so that nothing is written into this one."""
    assert engine_answers(), "no container engine answers: start one, or set DOCKER_HOST"
    folder = tmp_path / "checkout"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=True)
    for name in tracked.stdout.decode().split("\0"):
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, folder / name)
    return folder


async def test_an_order_goes_live_and_outlives_the_loss_of_the_database(checkout: Path) -> None:
    variables = VARIABLES | {"COMPOSE_PROJECT_NAME": f"vrs-pages-{uuid4().hex[:8]}"}

    async def run(code: str) -> str:
        return await printed("sh", code, folder=checkout, **variables)

    try:
        listed = await run(UP[1])
        assert json.loads((checkout / "examples/orders/subdomain.json").read_text())["slug"] in listed
        await until_live(run)
        await run(DUMP[1])
        [stop] = re.findall(r"`(docker compose stop .*?)`", (checkout / "docs/backup.md").read_text())
        await run(f"{stop}\n{RESTORE[1]}")
        assert "nothing" in (await run(RECOVER[1])).lower()
        await until_live(run)
    finally:
        await run("docker compose --profile simulators down --volumes --timeout 10")


async def until_live(run: Callable[[str], Awaitable[str]]) -> None:
    deadline = time.monotonic() + WITHIN
    while "live" not in (told := await run("docker compose run --rm operator vrs projects")):
        assert time.monotonic() < deadline, told


async def test_an_application_is_built_on_vrs_core(checkout: Path) -> None:
    await printed("sh", BUILD[1], folder=checkout)
    context = checkout / "application"
    (context / "shop").mkdir(parents=True)
    (context / "Dockerfile").write_text(IMAGE[1])
    start = context / "shop" / "start"
    start.write_text('#!/bin/sh\necho "shop on vrs-core $VRS_CORE_VERSION"\n')
    start.chmod(0o755)
    tag = f"vrs-shop-{uuid4().hex[:8]}"
    try:
        built = f"docker build --quiet --tag {tag} application >&2 && docker run --rm {tag}"
        said = await printed("sh", built, folder=checkout)
        assert said == f"shop on vrs-core {re.findall(r'VRS_CORE_VERSION=(.*)', IMAGE[1])[0]}"
    finally:
        await printed("sh", f"docker image rm --force {tag}", folder=checkout)
