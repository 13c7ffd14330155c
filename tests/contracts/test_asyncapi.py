"""The AsyncAPI document: read by the official parser, and true of the broker and of what the kernel sends."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiormq
import pytest

from contracts import EVENTS, ServiceName, decode
from ops.contracts.asyncapi import TITLE
from ops.contracts.documents import ASYNCAPI
from ops.places import CHECKOUT
from ops.stack import RabbitNode, Stack
from shared.database import Database
from shared.errors import PermanentError
from shared.messaging.topology import declare, queues_of
from shared.outcome import Outcome
from shared.service import Service
from shared.step import Step
from tests.node import node, npm_ci
from tests.shared.messaging.harness import DEAD, NEXT, Harness, configure, order

Json = dict[str, Any]
HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def document(documents: dict[str, str]) -> Json:
    """The document as an integrator gets it."""
    found: Json = json.loads(documents[ASYNCAPI])
    return found


@pytest.mark.timeout(300)  # npm fetches the parser
async def test_the_official_parser_finds_no_error_and_every_operation(tmp_path: Path, document: Json) -> None:
    parser = await asyncio.to_thread(npm_ci, HERE / "asyncapi", tmp_path / "asyncapi")
    process = await node(parser, "parse.mjs", str(CHECKOUT / ASYNCAPI), amqp_url="")
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    parsed = json.loads(out)
    assert parsed["problems"] == []
    assert sorted(parsed["operations"]) == sorted(document["operations"])


async def test_the_topology_of_the_document_is_the_brokers(
    stack: Stack, amqp_url: str, services: tuple[Service, ...], document: Json
) -> None:
    if stack.node is None:
        pytest.fail("unset VRS_AMQP_URL: the topology is read with rabbitmqctl from a node of our own")
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        for service in services:
            await declare(channel, queues_of(service))
        names = {queue.name for service in services for queue in queues_of(service)}
        for queue in (await topology(stack.node))["queues"]:
            if queue["name"] not in names:  # of a test before this one
                await channel.queue_delete(queue["name"])
        real = await topology_with(stack.node, names)
        for queue in real["queues"]:
            await channel.queue_delete(queue["name"])
        for exchange in real["exchanges"]:
            await channel.exchange_delete(exchange["name"])
        await until_topology(stack.node, {"exchanges": [], "queues": [], "bindings": []})
        await declare_from(document, channel)
        await until_topology(stack.node, real)
    assert {queue["name"] for queue in real["queues"]} >= {f"{service.name}.dead" for service in services[1:]}


async def test_the_headers_of_the_document_are_those_that_the_kernel_sends(
    database: Database, amqp_url: str, document: Json
) -> None:
    async def fail(event: Any, step: Step) -> Outcome:
        raise PermanentError("refused", code="inwx_2303")

    async with await aiormq.connect(amqp_url) as connection:
        harness = Harness(database, amqp_url, await connection.channel())
        harness.handle = fail
        async with harness.running():
            await harness.publish(order())
            letter = await harness.next_message(DEAD)
            harness.handle = configure
            await harness.publish(order())
            said = await harness.next_message(NEXT)
    messages = document["components"]["messages"]
    for message, name in ((letter, "DeadLetter"), (said, "DnsConfigured")):
        kernels = {header for header in message.headers if not header.startswith("x-")}  # those are the broker's
        assert kernels == set(messages[name]["headers"]["properties"])
    path = document["operations"]["dns.hears.project-ordered"]["x-failure"]["deadLetter"]
    assert set(path["headers"]) <= set(letter.headers)
    assert (path["queue"], path["routingKey"]) == (DEAD, letter.headers["vrs-consumer"])


def test_every_consumer_says_what_becomes_of_an_event_that_it_cannot_handle(
    services: tuple[Service, ...], document: Json
) -> None:
    heard = {name: each for name, each in document["operations"].items() if each["action"] == "receive"}
    assert len(heard) == sum(len(service.consumers) for service in services)
    for service in services:
        for consumer in service.consumers:
            failure = heard[f"{service.name}.hears.{consumer.event.hyphenated()}"]["x-failure"]
            assert failure["deadLetter"]["queue"] == f"{service.name}.dead"
            assert (failure["announces"] is not None) == consumer.fails_project
            assert failure["replay"]["exchange"] == "vrs.to"
    bootstrap = heard["bootstrap.hears.app-deployed"]["x-failure"]
    assert (bootstrap["deadline"], bootstrap["retry"]["first"], bootstrap["retry"]["atMost"]) == (
        "PT30M",
        "PT1S",
        "PT1M",
    )


def test_every_event_has_a_channel_a_message_and_whoever_says_it(document: Json) -> None:
    assert document["info"]["title"] == TITLE
    for event in EVENTS.values():
        channel = document["channels"][event.routing_key()]
        assert channel["address"] == event.routing_key()
        message = document["components"]["messages"][event.__name__]
        example = json.dumps(message["examples"][0]["payload"]).encode()
        assert decode(example, event).type == event.type
    ordered = document["operations"]["marketplace.says.project-ordered"]
    assert (ordered["x-service"], ordered["bindings"]["amqp"]["mandatory"]) == (ServiceName.MARKETPLACE, True)


async def declare_from(document: Json, channel: aiormq.abc.AbstractChannel) -> None:
    """Declare what the document says, as an integrator would who has nothing else."""
    bindings = [each["bindings"]["amqp"] for each in document["channels"].values()]
    for exchange in [each["exchange"] for each in bindings if each["is"] == "routingKey"]:
        await channel.exchange_declare(exchange["name"], exchange_type=exchange["type"], durable=exchange["durable"])
    for queue in [each["queue"] for each in bindings if each["is"] == "queue"]:
        await channel.queue_declare(queue["name"], durable=queue["durable"], arguments=queue["x-arguments"])
        for binding in queue["x-bindings"]:
            await channel.queue_bind(queue["name"], binding["exchange"], binding["routingKey"])


async def until_topology(broker: RabbitNode, expected: Json) -> None:
    """Compare until it fits: the node's export may lag behind what it has answered."""
    deadline = time.monotonic() + 60
    while (found := await topology(broker)) != expected:
        if time.monotonic() > deadline:
            assert found == expected  # shows the difference
        await asyncio.sleep(0.2)


async def topology_with(broker: RabbitNode, queues: set[str]) -> Json:
    """What the broker has, once it shows all these queues with their bindings, and no others."""
    deadline = time.monotonic() + 60
    while True:
        found = await topology(broker)
        shown = {queue["name"] for queue in found["queues"]}
        if shown == queues == {binding["destination"] for binding in found["bindings"]}:
            return found
        if time.monotonic() > deadline:
            assert shown == queues  # shows the difference
        await asyncio.sleep(0.2)


async def topology(broker: RabbitNode) -> Json:
    """What the broker has: names, arguments, everything, but for what it sets up by itself."""
    process = await asyncio.create_subprocess_exec(
        str(broker.script.with_name("rabbitmqctl")),
        *("--quiet", "export_definitions", "-"),
        env=broker._environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    definitions = json.loads(out)
    kinds = {kind: definitions[kind] for kind in ("exchanges", "queues", "bindings")}
    return {kind: sorted(each, key=lambda one: json.dumps(one, sort_keys=True)) for kind, each in kinds.items()}
