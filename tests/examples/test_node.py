"""The Node example: an integrator without any Python orders a project and follows it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiormq
import pytest

from contracts import ProjectOrdered, ServiceName, decode
from shared.messaging.topology import consumer_queue, declare
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.test_whole import whole
from tests.choreography.vendors import Deployments, Inwx, Mailbox
from tests.cuttable import cuttable
from tests.node import node
from tests.shared.messaging.harness import until

ORDER = Path(__file__).parents[2] / "examples" / "orders" / "subdomain.json"
STORY = ["vrs.project.ordered.v1", "vrs.dns.configured.v1", "vrs.app.deployed.v1", "vrs.core.healthy.v1"]

Follow = Callable[..., Awaitable[asyncio.subprocess.Process]]


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []


@pytest.fixture
async def follow(node_example: Path, amqp_url: str, queue: str, tmp_path: Path) -> AsyncIterator[Follow]:
    """Start follow.js, which listens when this returns, and writes to ``tmp_path / "story.jsonl"``."""
    started = []

    async def start(url: str = amqp_url) -> asyncio.subprocess.Process:
        process = await node(node_example, "follow.js", queue, str(tmp_path / "story.jsonl"), amqp_url=url)
        started.append(process)
        await listens(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def listens(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        line = await process.stdout.readline()
    assert line.startswith(b"listening on "), line


async def ordered(folder: Path, amqp_url: str) -> tuple[int | None, str, str]:
    process = await node(folder, "order.js", str(ORDER), amqp_url=amqp_url)
    out, err = await process.communicate()
    return process.returncode, out.decode().strip(), err.decode()


async def test_an_order_from_node_goes_live_and_is_followed_there(
    system: System,
    inwx: Inwx,
    coolify: Deployments,
    mailbox: Mailbox,
    node_example: Path,
    follow: Follow,
    tmp_path: Path,
) -> None:
    follower = await follow()
    async with whole(system):
        code, project_id, problem = await ordered(node_example, system.amqp_url)
        assert code == 0, problem
        await until(lambda: len(lines(tmp_path / "story.jsonl")) == len(STORY), within=30)
    followed = lines(tmp_path / "story.jsonl")
    assert [event["type"] for event in followed] == STORY
    assert {event["project"] for event in followed} == {project_id}
    assert followed[-1]["data"]["url"] == "https://baeckerei-sommer.vrs.example/"
    follower.terminate()
    assert await follower.wait() == 0


async def test_what_comes_twice_or_after_a_crash_is_followed_once(
    system: System, queue: str, follow: Follow, tmp_path: Path
) -> None:
    file, story = tmp_path / "story.jsonl", Story()
    first, second, third = story.ordered(), story.configured(), story.deployed()
    follower = await follow()
    await system.publish(first, first, second)
    await until(lambda: len(lines(file)) == 2)
    follower.kill()
    await follower.wait()
    with file.open("a") as torn:
        torn.write('{"id": "torn')
    await system.publish(second, first, third)
    await follow()

    async def has_third() -> bool:
        declared = await system.channel.queue_declare(queue, passive=True)
        return declared.message_count == 0 and str(third.id) in file.read_text()

    await until(has_third)
    whole_lines = [line for line in file.read_text().splitlines() if "torn" not in line]
    assert [json.loads(line)["id"] for line in whole_lines] == [str(each.id) for each in (first, second, third)]


async def test_a_connection_that_is_lost_while_it_works_costs_nothing(
    system: System, amqp_url: str, follow: Follow, tmp_path: Path
) -> None:
    file = tmp_path / "story.jsonl"
    events = [Story().ordered() for _ in range(40)]
    async with cuttable(amqp_url) as (url, cut):
        follower = await follow(url)
        await system.publish(*events)
        await until(lambda: lines(file))
        cut()
        await listens(follower)
        await until(lambda: len(lines(file)) == len(events))
        follower.terminate()
        await follower.wait()
    assert [line["id"] for line in lines(file)] == [str(event.id) for event in events]


async def test_an_order_that_no_queue_takes_is_not_taken_for_published(amqp_url: str, node_example: Path) -> None:
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        await declare(channel, [])
        code, out, problem = await ordered(node_example, amqp_url)
        assert (code, out) == (1, "")
        assert problem.startswith("No queue takes the order; publish it again with the same id: {")
        await declare(channel, [consumer_queue(ServiceName.DNS, ProjectOrdered)])
        code, out, problem = await ordered(node_example, amqp_url)
        assert code == 0, problem
        message = await channel.basic_get("dns.project-ordered", no_ack=True)
    event = decode(message.body, ProjectOrdered)
    assert str(event.subject) == out
    assert (event.id.version, message.header.properties.delivery_mode) == (7, 2)
