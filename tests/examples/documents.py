"""The code blocks of the documentation, and how they are run: as a reader would, in a shell of its own."""

import asyncio
import os
import re
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.ops.conftest import environment

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PAGES = ("*.md", "docs/**/*.md", "contracts/*.md", "examples/*/*.md")

Block = tuple[str, str]
"""Language and text."""


def pages() -> list[str]:
    """Everything that people read in the checkout."""
    return sorted({file.relative_to(ROOT).as_posix() for pattern in PAGES for file in ROOT.glob(pattern)})


def blocks(page: str) -> list[Block]:
    """All code blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    assert len(re.findall(r"^\s*(?:```|~~~)", text, re.MULTILINE)) == 2 * len(found), f"{page}: write each block as ```"
    return [(language, textwrap.dedent(code)) for _, language, code in found]


async def start(language: str, code: str, *, folder: Path = ROOT, **variables: str) -> asyncio.subprocess.Process:
    programs = {"sh": ["bash", "-euc"], "python": [sys.executable, "-c"]}
    return await asyncio.create_subprocess_exec(
        *programs[language],
        code.replace(".venv/bin/", f"{BIN}/").replace("make ", f"make --old-file .venv/.ready BIN={BIN} "),
        cwd=folder,
        env=environment(**variables) | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def printed(language: str, code: str, *, folder: Path = ROOT, **variables: str) -> str:
    """What the code prints; it must end well."""
    process = await start(language, code, folder=folder, **variables)
    out, err = await process.communicate()
    assert process.returncode == 0, f"{code}\n{out.decode()}{err.decode()}"
    return out.decode().strip()


@asynccontextmanager
async def in_background(
    language: str, code: str, *, folder: Path = ROOT, **variables: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run it as long as the block lasts, then interrupt it as Ctrl-C does; what does not end is killed."""
    process = await start(language, code, folder=folder, **variables)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def said(process: asyncio.subprocess.Process, wanted: str) -> list[str]:
    """Read the lines of its output until one has `wanted` in it; return them."""
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(90):
        while line := (await process.stdout.readline()).decode():
            lines.append(line)
            if wanted in line:
                return lines
    raise AssertionError(f"{wanted!r} was not said, but {lines}")
