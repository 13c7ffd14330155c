"""`/health/ready` of a service as a process: it tells what the service lacks, and when it has it again."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiormq
import asyncpg
import httpx
import pytest

from contracts import AppDeployed, ServiceName
from ops.ports import free_port
from ops.stack import Stack
from shared.messaging.topology import queue_name
from tests.erlang import close_consuming_channels, own_node
from tests.ops.conftest import environment

QUEUE = queue_name(ServiceName.BOOTSTRAP, AppDeployed)
WITHIN = 30.0
"""Seconds in which it must be seen."""


@dataclass
class Probe:
    """Asks as a container platform does."""

    url: str
    http: httpx.AsyncClient

    async def says(self, reason: str) -> None:
        """Wait until it is not ready for this reason; each answer must come at once."""
        await self._until(503, reason)

    async def is_ready(self) -> None:
        """Wait until it is ready."""
        await self._until(200, '"reasons": []')

    async def _until(self, status: int, text: str) -> None:
        deadline = time.monotonic() + WITHIN
        told = "nothing"
        while time.monotonic() < deadline:
            try:
                answer = await self.http.get(self.url, timeout=5)
            except httpx.ConnectError as error:  # not started yet
                told = str(error)
            else:
                told = f"{answer.status_code} {answer.text}"
                if answer.status_code == status and text in answer.text:
                    return
            await asyncio.sleep(0.02)
        pytest.fail(f"not {status} with {text!r} within {WITHIN:.0f} s, but {told}")


async def test_the_health_port_shows_the_metrics_to_prometheus(bootstrap: Probe) -> None:
    answer = await bootstrap.http.get(bootstrap.url.replace("/health/ready", "/metrics"))
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'vrs_open_steps{consumer="bootstrap.app-deployed",state="dead"} 0.0' in answer.text
    assert "vrs_database_up 1.0" in answer.text
    assert "vrs_ready 1.0" in answer.text
    assert "process_resident_memory_bytes" in answer.text


@pytest.fixture
async def bootstrap(database_url: str, amqp_url: str) -> AsyncIterator[Probe]:
    """The service bootstrap, running and ready."""
    async with started(database_url, amqp_url) as probe:
        await probe.is_ready()
        yield probe


def settings(database_url: str, amqp_url: str, port: int) -> dict[str, str]:
    return {
        "VRS_AMQP_URL": amqp_url,
        "VRS_DATABASE_URL": database_url,
        "VRS_HEALTH_HOST": "127.0.0.1",
        "VRS_HEALTH_PORT": str(port),
        "VRS_LOG_LEVEL": "ERROR",
    }


@asynccontextmanager
async def started(database_url: str, amqp_url: str) -> AsyncIterator[Probe]:
    """The service bootstrap as a process, as long as the block runs."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "run", "bootstrap"),
        env=environment(**settings(database_url, amqp_url, port)),
    )
    try:
        async with httpx.AsyncClient() as http:
            yield Probe(f"http://127.0.0.1:{port}/health/ready", http)
            assert process.returncode is None  # it lived through all of it
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_a_service_loses_makes_it_not_ready_within_30_seconds_and_it_comes_back_by_itself(
    bootstrap: Probe, stack: Stack, database_url: str
) -> None:
    node = own_node(stack)
    await make_unusable(node.url)
    await bootstrap.says(f"{QUEUE} is not subscribed")
    async with await aiormq.connect(node.url) as connection:
        await (await connection.channel()).queue_delete(QUEUE)
    await bootstrap.is_ready()
    assert await consumers(node.url) == 1

    await asyncio.gather(bootstrap.says("is not subscribed"), close_consuming_channels(node))
    await bootstrap.is_ready()
    assert await consumers(node.url) == 1

    async with without_database(stack.database_url, urlsplit(database_url).path[1:]):
        await bootstrap.says("PostgreSQL has been away for")
    await bootstrap.is_ready()

    node.kill()  # last: RabbitMQ 3.10 loses queues that are younger than a second
    await bootstrap.says(f'"RabbitMQ: not connected", "{QUEUE} is not subscribed"')
    node.start()
    await node.wait()
    await bootstrap.is_ready()
    assert await consumers(node.url) == 1


async def test_a_service_answers_before_it_has_what_it_needs_and_says_what_it_waits_for() -> None:
    nowhere = "127.0.0.1:1"
    async with started(f"postgresql://vrs:made-up@{nowhere}/vrs", f"amqp://vrs:made-up@{nowhere}/") as bootstrap:
        await bootstrap.says('"PostgreSQL: not connected", "RabbitMQ: not connected: ')
        alive = await bootstrap.http.get(bootstrap.url.replace("/ready", "/live"))
        assert alive.status_code == 204
        metrics = await bootstrap.http.get(bootstrap.url.replace("/health/ready", "/metrics"))
        assert "vrs_ready 0.0" in metrics.text


@asynccontextmanager
async def without_database(server: str, name: str) -> AsyncIterator[None]:
    """Cut all connections to the database and refuse new ones as long as the block runs."""
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        yield
    finally:
        await admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        await admin.close()


async def make_unusable(url: str) -> None:
    """Delete the queue and, before the service declares it again, make one of its name that is refused."""
    async with await aiormq.connect(url) as connection:
        while True:
            channel = await connection.channel()
            await channel.queue_delete(QUEUE)
            try:
                await channel.queue_declare(QUEUE, durable=True)
            except aiormq.exceptions.ChannelPreconditionFailed:  # the service was faster
                continue
            return


async def consumers(url: str) -> int:
    """How many consumers the broker sees."""
    async with await aiormq.connect(url) as connection:
        declared = await (await connection.channel()).queue_declare(QUEUE, passive=True)
        return declared.consumer_count or 0


async def test_a_service_that_is_stopped_while_rabbitmq_does_not_answer_ends(database_url: str) -> None:
    """aio-pika goes on connecting when it is cancelled: such a process would stay for ever."""
    asked = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await ended.wait()
        writer.close()

    ended = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    broker = f"amqp://guest:guest@127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "run", "bootstrap"),
        env=environment(**settings(database_url, broker, free_port())),
    )
    try:
        await asyncio.wait_for(asked.wait(), WITHIN)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), WITHIN) == 0
    finally:
        if process.returncode is None:
            process.kill()
        ended.set()
        server.close()
