"""``vrs`` in a process of its own, forked from one that has imported it: a start costs no interpreter's imports.

What is like a program's own: environment, streams, signals, exit code. `python -m ops` itself runs in the tests of the
demo and of the desk.
"""

import asyncio
import multiprocessing
import os
import sys
from contextlib import suppress
from importlib.metadata import entry_points
from multiprocessing import forkserver
from pathlib import Path

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_context = multiprocessing.get_context("forkserver")

PRELOADED = (
    __name__,
    "pytest",  # where it is the main module, each process imports that again
    "ops.cli",
    "ops.connection",
    "ops.orders",
    "ops.reconciliation",
    "ops.schema",
    "ops.seeding",
    "rich.table",
    "typer.rich_utils",
)


def preload() -> None:
    """Begin to import, in another process."""
    reconcilers = {entry.module for entry in entry_points(group="vrs.reconcile")}
    _context.set_forkserver_preload([*PRELOADED, *reconcilers])
    forkserver.ensure_running()


async def run_forked(arguments: tuple[str, ...], environment: dict[str, str], stdin: bytes, folder: Path) -> int:
    """Run ``vrs`` to its end; what it prints is then in `folder`, in ``out`` and ``err``. Return its exit code."""
    (folder / "in").write_bytes(stdin)
    process = _context.Process(target=_become, args=(arguments, environment, folder), daemon=True)
    process.start()
    try:
        await asyncio.to_thread(process.join)
    finally:
        if process.is_alive():
            process.kill()
    return process.exitcode or 0


def _become(arguments: tuple[str, ...], environment: dict[str, str], folder: Path) -> None:
    """Be ``vrs`` from here on."""
    os.environ.clear()
    os.environ.update(environment)
    for number, (name, flags) in enumerate((("in", os.O_RDONLY), ("out", _WRITE), ("err", _WRITE))):
        os.dup2(os.open(folder / name, flags, 0o600), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - multiprocessing has put another there
    sys.argv = ["vrs", *arguments]
    with suppress(KeyboardInterrupt):
        entry_points(group="console_scripts")["vrs"].load()()
