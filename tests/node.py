"""Node.js and Chromium for the tests that run JavaScript: installed by apt if possible, else one clear sentence."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from ops.stack.install import can_install, install, one_at_a_time

PROGRAMS = ("node", "npm")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
APT_SAYS = Path(tempfile.gettempdir()) / "vrs-install-node.log"


@cache
def need_node() -> None:
    """Have ``node`` and ``npm``; a test without them fails."""
    _need("Node.js", lambda: all(map(shutil.which, PROGRAMS)), "nodejs", "npm")


@cache
def chromium() -> str:
    """The path of a Chromium; a test without one fails."""
    _need("Chromium", lambda: any(map(shutil.which, BROWSERS)), "chromium")
    return next(path for name in BROWSERS if (path := shutil.which(name)))


def _need(what: str, is_there: Callable[[], bool], *packages: str) -> None:
    wanted = " and ".join(packages)
    with one_at_a_time():
        if is_there():
            return
        if not can_install():
            pytest.fail(f"{what} is missing: install {wanted}", pytrace=False)
        try:
            install(*packages, log=APT_SAYS)
        except subprocess.CalledProcessError:
            pytest.fail(f"{what} is missing and apt cannot install {wanted}: see {APT_SAYS}", pytrace=False)


def npm_ci(source: Path, target: Path) -> Path:
    """Copy the package in `source` to `target`, which is not there yet, with its locked dependencies; return it."""
    need_node()
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("node_modules"))
    ended = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=target,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        pytest.fail(f"npm ci in {source.name} failed; is its registry reachable?\n{ended.stderr}", pytrace=False)
    return target


async def node(folder: Path, *arguments: str, amqp_url: str) -> asyncio.subprocess.Process:
    """Start ``node`` in `folder`; both of its outputs are pipes."""
    return await asyncio.create_subprocess_exec(
        "node",
        *arguments,
        cwd=folder,
        env=os.environ | {"VRS_AMQP_URL": amqp_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
