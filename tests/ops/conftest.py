"""The ``vrs`` command as people and containers call it: as a program."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiormq
import pytest
from aiormq.abc import AbstractChannel, AbstractConnection

from ops.topology.expected import MIGRATING
from tests.ops.forked import preload, run_forked
from tests.ops.queues import DEAD, WORKING

UNSET = {name: None for name in os.environ if name.startswith("VRS_")}


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Vrs = Callable[..., Awaitable[Ended]]


def environment(**variables: str | None) -> dict[str, str]:
    """This process's environment with `variables` and without any other setting of ours."""
    wanted = dict(os.environ) | UNSET | {"COLUMNS": "200"} | variables
    return {name: value for name, value in wanted.items() if value is not None}


@pytest.fixture
def vrs(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Vrs:
    """Run ``vrs`` to its end, with a database of the test's own unless told otherwise."""
    preload()

    async def run(*arguments: str, stdin: bytes = b"", **variables: str | None) -> Ended:
        folder = tmp_path_factory.mktemp("vrs")
        settings = environment(**{"VRS_DATABASE_URL": database_url} | variables)
        code = await run_forked(arguments, settings, stdin, folder)
        return Ended(code, *((folder / name).read_text(encoding="utf-8") for name in ("out", "err")))

    return run


@pytest.fixture
def program(database_url: str) -> Vrs:
    """Run ``python -m ops`` to its end, as `vrs`, but from its first import on."""

    async def run(*arguments: str, stdin: bytes = b"", **variables: str | None) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ops", *arguments),
            env=environment(**{"VRS_DATABASE_URL": database_url} | variables),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin)
        return Ended(process.returncode or 0, out.decode(), err.decode())

    return run


class Marked:
    """A mark in the environment, by which all descendants of a program are found."""

    def __init__(self) -> None:
        self.variables = {"VRS_TEST_MARK": uuid4().hex}

    @property
    def alive(self) -> dict[int, str]:
        """The marked processes that run, with their command lines."""
        mark = "=".join(*self.variables.items()).encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes() and (command := (folder / "cmdline").read_bytes()):
                    found[int(folder.name)] = command.replace(b"\0", b" ").decode()[:200]
            except OSError:  # gone, or another user's
                continue
        return found


@pytest.fixture
def marked() -> Iterator[Marked]:
    """Kill what a failed test leaves."""
    marked = Marked()
    yield marked
    for pid in marked.alive:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
async def connection(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    """A connection to a broker in which no migration was begun."""
    async with await aiormq.connect(amqp_url) as connection:
        yield connection
        channel = await connection.channel()
        for queue in (WORKING, DEAD):
            await channel.queue_delete(queue.name + MIGRATING)


@pytest.fixture
async def channel(connection: AbstractConnection) -> AbstractChannel:
    """A channel to ask, publish and consume."""
    return await connection.channel()
