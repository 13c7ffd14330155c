"""The local stack: its own, several at once, and gone with whoever started it."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import aiormq
import asyncpg
import pytest

from ops.failure import CommandError
from ops.stack import Stack, local_stack
from tests.ops.conftest import Marked, environment

HOLD = """
import signal, sys, time, asyncio
from pathlib import Path
from ops.stack import local_stack
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell is born deaf to it
with local_stack(Path(sys.argv[1])) as stack:
    asyncio.run(stack.wait())
    print("up", flush=True)
    time.sleep(600)
"""


async def gone(marked: Marked, within: float = 15.0) -> None:
    deadline = time.monotonic() + within
    while marked.alive:
        assert time.monotonic() < deadline, marked.alive
        await asyncio.sleep(0.1)


async def hold(marked: Marked, logs: Path) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, str(logs)),
        env=environment(**marked.variables),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_nothing_is_left_of_a_stack_whatever_ends_its_process(
    marked: Marked, tmp_path: Path, number: signal.Signals
) -> None:
    process = await hold(marked, tmp_path)
    assert len(marked.alive) > 3
    os.kill(process.pid, number)
    await process.wait()
    await gone(marked)


async def test_a_broker_that_crashes_comes_back_on_the_same_port_with_what_it_held(tmp_path: Path) -> None:
    with local_stack(tmp_path) as stack:
        await stack.wait()
        assert stack.node is not None
        await publish_durably(stack)
        stack.node.kill()
        with pytest.raises(OSError, match="Connect call failed"):
            await aiormq.connect(stack.amqp_url)
        stack.node.start()
        await stack.wait()
        async with await aiormq.connect(stack.amqp_url) as connection:
            message = await (await connection.channel()).basic_get("kept", no_ack=True)
        assert message.body == b"still here"


async def publish_durably(stack: Stack) -> None:
    async with await aiormq.connect(stack.amqp_url) as connection:
        channel = await connection.channel()
        await channel.queue_declare("kept", durable=True)  # a quorum queue is lost if it is younger than 0.5 s
        # RabbitMQ 3 answers a declaration before its decision about it is on disk; the next one's sync puts it there.
        await channel.queue_declare("later", durable=True)
        properties = aiormq.spec.Basic.Properties(delivery_mode=2)
        await channel.basic_publish(b"still here", routing_key="kept", properties=properties)


async def test_what_is_configured_is_used_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VRS_AMQP_URL", "amqp://bus.example/")
    monkeypatch.setenv("VRS_DATABASE_URL", "postgresql://db.example/vrs")
    with local_stack(tmp_path) as stack:
        assert (stack.amqp_url, stack.database_url) == ("amqp://bus.example/", "postgresql://db.example/vrs")
        assert stack.node is None


async def test_two_stacks_run_side_by_side(stack: Stack, tmp_path: Path) -> None:
    with local_stack(tmp_path) as other:
        await other.wait()
        await stack.wait()
        for each in (stack, other):
            await (await aiormq.connect(each.amqp_url)).close()
            connection = await asyncpg.connect(each.database_url)
            assert await connection.fetchval("SHOW fsync") == "on"
            await connection.close()
        assert stack.amqp_url != other.amqp_url


async def test_without_any_rabbitmq_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("VRS_AMQP_URL", raising=False)
    monkeypatch.setattr("ops.stack.rabbitmq.SERVERS", ())
    monkeypatch.setattr("ops.stack.can_install", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(CommandError, match="install the package rabbitmq-server"), local_stack(tmp_path):
        pass
