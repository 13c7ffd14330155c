"""Real RabbitMQ and PostgreSQL for whoever asks: started once by each process of the run, and empty for each test."""

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import aiormq
import asyncpg
import pytest
from pydantic import SecretStr

from contracts import EVENTS_EXCHANGE
from ops.schema import upgrade
from ops.stack import Stack, local_stack
from shared.database import Database, asyncpg_url, open_database
from shared.messaging.topology import DEAD_EXCHANGE, TO_EXCHANGE
from shared.settings import Settings

# Tests start programs of ours a hundred times. Where the environment forbids it, nothing compiled is kept, and each
# start compiles all of them again: half a second.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

EXCHANGES = (EVENTS_EXCHANGE, TO_EXCHANGE, DEAD_EXCHANGE)
CHANNELS = json.loads((Path(__file__).parents[1] / "contracts" / "asyncapi.json").read_text())["channels"]
QUEUES = tuple(name for name, channel in CHANNELS.items() if channel["bindings"]["amqp"]["is"] == "queue")
"""Of all services: a broker that does not have one takes its deletion as well."""

PROCESSES_A_CORE = 1.5
"""Most tests wait much of the time, but the systems of processes that some of them start need a core."""

MOST_PROCESSES = 8
"""Each has a broker and a database of its own: about 250 MB."""

MEMORY = Path("/dev/shm")
ENOUGH = 2 * 2**30
"""Bytes."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process where the broker is given: the tests of several would delete each other's queues there."""
    return 0 if _is_given() else min(MOST_PROCESSES, int(PROCESSES_A_CORE * (os.cpu_count() or 1)))


def pytest_configure(config: pytest.Config) -> None:
    if (config.getoption("numprocesses", None) or 0) > 1 and _is_given():
        raise pytest.UsageError("VRS_AMQP_URL names one broker and each process of a test run needs its own: use -n 0")


def pytest_report_header(config: pytest.Config) -> str | None:
    return "one process: all tests share the broker of VRS_AMQP_URL" if _is_given() else None


def _is_given() -> bool:
    return "VRS_AMQP_URL" in os.environ


def _in_memory() -> Path | None:
    """Where no disk is behind a file: a database is some hundred of them, and most tests have one of their own."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH
    return MEMORY if roomy else None


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The bus and the database of this test run: throwaway ones, or those of VRS_AMQP_URL and VRS_DATABASE_URL."""
    with local_stack(tmp_path_factory.mktemp("logs"), within=_in_memory()) as stack:
        yield stack


@pytest.fixture(scope="session")
async def broker_url(stack: Stack) -> str:
    """The URL of a broker that answers and is nobody else's: what a test leaves behind is deleted."""
    await stack.wait()
    if stack.node is None:
        await _refuse_a_broker_in_use(stack.amqp_url)
    return stack.amqp_url


@pytest.fixture
async def amqp_url(broker_url: str) -> AsyncIterator[str]:
    """The URL of a broker without exchanges and queues of ours."""
    yield broker_url
    async with await aiormq.connect(broker_url) as connection:
        channel = await connection.channel()
        for queue in QUEUES:
            await channel.queue_delete(queue, nowait=True)
        for exchange in EXCHANGES:
            await channel.exchange_delete(exchange)


@pytest.fixture(scope="session")
async def template(stack: Stack) -> AsyncIterator[str]:
    """The name of a migrated database that each test gets a copy of."""
    async with _new_database(stack.database_url) as (name, url):
        database = open_at(url)
        await upgrade(database.engine)
        await database.engine.dispose()
        yield name


@pytest.fixture
async def bare_database_url(stack: Stack) -> AsyncIterator[str]:
    """The URL of a database of the test's own in which there is nothing at all."""
    async with _new_database(stack.database_url) as (_, url):
        yield url


@pytest.fixture
async def database_url(stack: Stack, template: str) -> AsyncIterator[str]:
    """The URL of a migrated, empty database of the test's own."""
    async with _new_database(stack.database_url, template) as (_, url):
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated, empty database of the test's own."""
    database = open_at(database_url)
    yield database
    await database.engine.dispose()


def open_at(url: str) -> Database:
    return open_database(
        Settings(amqp_url=SecretStr("amqp://unused"), database_url=SecretStr(url)), application_name="vrs tests"
    )


@asynccontextmanager
async def _new_database(server: str, template: str = "template0") -> AsyncIterator[tuple[str, str]]:
    """Give the name and the URL of a copy of `template` as long as the block runs."""
    name = f"vrs_test_{uuid4().hex}"
    admin = await asyncpg.connect(asyncpg_url(server))
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8' STRATEGY FILE_COPY")
        yield name, urlsplit(asyncpg_url(server))._replace(path=f"/{name}").geturl()
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


async def _refuse_a_broker_in_use(url: str) -> None:
    async with await aiormq.connect(url) as connection:
        channel = await connection.channel()
        try:
            await channel.exchange_declare(EVENTS_EXCHANGE, passive=True)
        except aiormq.exceptions.ChannelNotFoundEntity:
            return
    pytest.exit(f"The broker of VRS_AMQP_URL has an exchange {EVENTS_EXCHANGE}, and tests delete it: give them a vhost")
