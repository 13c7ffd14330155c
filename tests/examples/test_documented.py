"""What docs/integration.md and the examples' READMEs tell people to type is typed here."""

import asyncio
import json
import re
from contextlib import suppress
from html import unescape
from pathlib import Path
from shutil import copytree
from uuid import uuid4

import aiormq
import pytest

from contracts import ProjectCancelled, ProjectOrdered, ServiceName, decode
from contracts.story import EXAMPLES
from ops.contracts.site import write_site
from shared.messaging.topology import consumer_queue, declare
from shared.service import Service
from tests.choreography.system import System
from tests.examples.documents import ROOT, blocks, in_background, printed, said, start
from tests.node import need_node, node
from tests.shared.messaging.harness import until

PAGE, FLASK, NODE = "docs/integration.md", "examples/flask_marketplace/README.md", "examples/node/README.md"


async def test_the_page_on_integrating(
    system: System, queue: str, database_url: str, node_example: Path, tmp_path: Path
) -> None:
    [publishing, sdk, rehearsing, watching] = blocks("docs/integration.md")
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
    found = blocks("examples/flask_marketplace/README.md")
    [serve, order] = [code.replace("5000", str(unused_tcp_port)) for _, code in found]
    async with in_background("sh", serve, VRS_DATABASE_URL=database_url):
        answer = ""
        async with asyncio.timeout(60):
            while not answer:
                process = await start("sh", order)
                answer = (await process.communicate())[0].decode()
    [row] = await system.sql("SELECT body FROM outbox")
    assert str(decode(row.body, ProjectOrdered).subject) == json.loads(answer)["project_id"]


async def test_the_quickstart_of_the_site_is_all_that_one_needs(
    amqp_url: str, queue: str, tmp_path: Path, services: tuple[Service, ...]
) -> None:
    need_node()
    write_site(services, tmp_path / "site", ROOT)
    page = (tmp_path / "site" / "quickstart.html").read_text(encoding="utf-8")
    figures = re.findall(r"<figcaption>(.+?)<.*?<code>(.*?)</code>", page, re.DOTALL)
    code = {label: unescape(re.sub("<[^>]+>", "", text)) for label, text in figures}
    folder = tmp_path / "shop"
    folder.mkdir()
    for name in ("follow.js", "events.js", "order.js", "order.json"):
        (folder / name).write_text(code.pop(name), encoding="utf-8")
    (folder / "event.json").write_bytes(EXAMPLES[ProjectCancelled.type].encode())
    await printed("sh", code.pop("shell: set up"), folder=folder)
    consume = code.pop("shell: consume").replace("my-shop.provisioning", queue)
    async with in_background("sh", f"exec {consume}", folder=folder, VRS_AMQP_URL=amqp_url) as follower:
        await said(follower, "listening on ")
        project_id = await printed("sh", code.pop("shell: publish"), folder=folder, VRS_AMQP_URL=amqp_url)
        await until(lambda: project_id in (folder / "story.jsonl").read_text(), within=30)
    assert (await printed("sh", code.pop("shell: check"), folder=folder)).startswith("ok: ProjectCancelled")
    assert code == {}


async def test_the_readme_of_the_node_example(amqp_url: str, tmp_path: Path) -> None:
    [(_, order), (_, follow)] = blocks("examples/node/README.md")
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
