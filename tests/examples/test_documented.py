"""What docs/integration.md and the examples' READMEs tell people to type is typed here."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from shutil import copytree
from uuid import uuid4

import aiormq
import pytest

from contracts import ProjectCancelled, ProjectOrdered, ServiceName, decode
from shared.messaging.topology import consumer_queue, declare
from tests.choreography.system import System
from tests.node import node
from tests.ops.conftest import environment

ROOT = Path(__file__).parents[2]
PAGE, FLASK, NODE = "docs/integration.md", "examples/flask_marketplace/README.md", "examples/node/README.md"


def blocks(page: str) -> list[tuple[str, str]]:
    """The code blocks of a page as (language, text)."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


async def start(language: str, code: str, *, folder: Path = ROOT, **variables: str) -> asyncio.subprocess.Process:
    programs = {"sh": ["bash", "-euc"], "python": [sys.executable, "-c"]}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return await asyncio.create_subprocess_exec(
        *programs[language],
        code,
        cwd=folder,
        env=environment(**variables) | {"PATH": path, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def printed(language: str, code: str, *, folder: Path = ROOT, **variables: str) -> str:
    process = await start(language, code, folder=folder, **variables)
    out, err = await process.communicate()
    assert process.returncode == 0, f"{code}\n{out.decode()}{err.decode()}"
    return out.decode().strip()


@asynccontextmanager
async def in_background(language: str, code: str, *, folder: Path = ROOT, **variables: str) -> AsyncIterator[None]:
    process = await start(language, code, folder=folder, **variables)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def test_the_page_on_integrating(
    system: System, queue: str, database_url: str, node_example: Path, tmp_path: Path
) -> None:
    [publishing, sdk, rehearsing, watching] = blocks(PAGE)
    project_id = await printed(*publishing, DATABASE_URL=database_url.replace("postgresql:", "postgresql+psycopg:"))
    [row] = await system.sql("SELECT body FROM outbox")
    assert str(decode(row.body, ProjectOrdered).subject) == project_id
    content_type, _, body = (await printed(*sdk)).partition(" ")
    assert content_type == "application/cloudevents+json"
    assert decode(body.encode(), ProjectCancelled).data.requested_by == "customer"
    follower = await node(node_example, "follow.js", queue, str(tmp_path / "story.jsonl"), amqp_url=system.amqp_url)
    assert follower.stdout is not None
    assert await follower.stdout.readline()
    language, command = rehearsing
    told = await printed(language, command.replace("my-shop.provisioning", queue), VRS_AMQP_URL=system.amqp_url)
    named = [case.lower() for case in re.findall(r"^\| ([a-z ]+) \|", (ROOT / PAGE).read_text(), re.MULTILINE)]
    assert [line.split("  ")[0] for line in told.splitlines()] == [f"✓ {case}" for case in named]
    follower.kill()
    await follower.communicate()
    told = await printed(*watching, VRS_AMQP_URL=system.amqp_url)
    assert told.endswith("0 events seen, 0 checked, 0 problems")


async def test_the_readme_of_the_flask_example(system: System, database_url: str, unused_tcp_port: int) -> None:
    [(_, serve), (_, order)] = [(kind, code.replace("5000", str(unused_tcp_port))) for kind, code in blocks(FLASK)]
    async with in_background("sh", serve, VRS_DATABASE_URL=database_url):
        answer = ""
        async with asyncio.timeout(60):
            while not answer:
                process = await start("sh", order)
                answer = (await process.communicate())[0].decode()
    [row] = await system.sql("SELECT body FROM outbox")
    assert str(decode(row.body, ProjectOrdered).subject) == json.loads(answer)["project_id"]


async def test_the_readme_of_the_node_example(amqp_url: str, tmp_path: Path) -> None:
    [(_, order), (_, follow)] = blocks(NODE)
    folder = copytree(ROOT / "examples", tmp_path / "examples", ignore=lambda *_: ["node_modules"]) / "node"
    queue = f"integrator.{uuid4().hex}"
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        await declare(channel, [consumer_queue(ServiceName.DNS, ProjectOrdered)])
        project_id = (await printed("sh", order, folder=folder, VRS_AMQP_URL=amqp_url)).splitlines()[-1]
        message = await channel.basic_get("dns.project-ordered", no_ack=True)
        assert str(decode(message.body, ProjectOrdered).subject) == project_id
        story = folder / "story.jsonl"
        command = follow.replace("my-shop.provisioning", queue)
        async with in_background("sh", command, folder=folder, VRS_AMQP_URL=amqp_url), asyncio.timeout(30):
            while not (story.exists() and project_id in story.read_text()):
                with suppress(aiormq.exceptions.PublishError):
                    await channel.basic_publish(message.body, exchange="vrs.events", routing_key="project.ordered.v1")
                await asyncio.sleep(0.1)
        await channel.queue_delete(queue)


@pytest.mark.parametrize("page", [PAGE, FLASK, NODE])
def test_each_relative_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / page).parent.joinpath(link).exists()] == []
