"""Runs a plugin's own check in a process of its own: whatever it does, vrs-core goes on."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from contracts.core import PluginRelease
from services.core.errors import PluginFailedError

MOST_WORDS = 300

# -I: neither the environment nor the working folder decide what is imported.
_PROGRAM = """
import importlib, sys
target, call, *folders = sys.argv[1:]
sys.path[:0] = folders
module, _, name = target.partition(":")
found = importlib.import_module(module)
for part in name.split("."):
    found = getattr(found, part)
if call == "call":
    found()
"""


async def check(release: PluginRelease, folders: Sequence[Path], seconds: float) -> None:
    """Import the plugin's entry point with `folders` on the path and call its check, if it has one.

    It sees none of our environment. Raises PluginFailedError with its last words when it fails or takes longer than
    `seconds`.
    """
    target = release.check or release.entry_point
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-B",
        "-c",
        _PROGRAM,
        target,
        "call" if release.check else "import",
        *map(str, folders),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        start_new_session=True,
    )
    name = f"{release.name} {release.version}"
    try:
        async with asyncio.timeout(seconds):
            _, said = await process.communicate()
    except TimeoutError:
        raise PluginFailedError(f"{name}: its check {target} took longer than {seconds:g} s") from None
    finally:
        with suppress(ProcessLookupError):  # whatever it started goes with it
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if process.returncode:
        words = said.decode(errors="replace").strip().rpartition("\n")[2][-MOST_WORDS:]
        raise PluginFailedError(f"{name}: its check {target} failed: {words or f'exit code {process.returncode}'}")
