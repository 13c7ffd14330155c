"""What the doctor knows with RabbitMQ's management API, from a node that has it."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiormq
import pytest
from aiormq.abc import AbstractConnection
from pydantic import SecretStr

from ops.failure import CommandError
from ops.stack import RabbitNode, Stack
from ops.topology.comparison import compare
from ops.topology.management import ask_management
from shared.messaging.topology import declare
from tests.ops.queues import DEAD, WORKING
from tests.shared.messaging.harness import until


@dataclass(frozen=True)
class Managed:
    connection: AbstractConnection
    api_url: SecretStr


@pytest.fixture
async def managed(stack: Stack, tmp_path: Path) -> AsyncIterator[Managed]:
    """A node with the management plugin."""
    assert stack.node is not None, "this test starts a node of its own: unset VRS_AMQP_URL"
    amqp, distribution, epmd, api = free_ports()
    (tmp_path / "enabled_plugins").write_text("[rabbitmq_management].")
    (tmp_path / "rabbitmq.conf").write_text(
        f"management.tcp.port = {api}\nmanagement.tcp.ip = 127.0.0.1\ncollect_statistics_interval = 500\n"
    )
    (tmp_path / "advanced.config").write_text("[{rabbit, [{quorum_tick_interval, 200}]}].")  # it counts unacked then
    node = RabbitNode(stack.node.script, tmp_path, tmp_path, stack.guard, (amqp, distribution, epmd))
    try:
        node.start()
        await node.wait()
        async with await aiormq.connect(node.url) as connection:
            yield Managed(connection, SecretStr(f"http://guest:guest@127.0.0.1:{api}"))
    finally:
        node.kill()


async def test_missing_and_strange_bindings_and_unacked_messages_are_seen(managed: Managed) -> None:
    connection = managed.connection
    channel = await connection.channel()
    await declare(channel, [WORKING, DEAD])
    await channel.queue_unbind(WORKING.name, "vrs.to", WORKING.name)
    await channel.queue_bind(WORKING.name, "vrs.events", "project.#")
    await channel.basic_publish(b"dead", exchange="vrs.dead", routing_key=WORKING.name)
    await channel.basic_get(DEAD.name)

    async def unacked() -> bool:
        facts = await ask_management(connection, managed.api_url)
        return facts is not None and DEAD.name in facts and facts[DEAD.name].unacked == 1

    await until(unacked, within=30)
    found = await compare(connection, ["dns"], managed.api_url)
    remedies = {(fault.what, fault.wrong): fault.remedy for fault in found.faults}
    assert remedies[WORKING.name, f"it is not bound to vrs.to by {WORKING.name}"] == "vrs topology declare"
    assert remedies[WORKING.name, "it is bound to vrs.events by project.#, which nobody expects"] == (
        f"rabbitmqadmin -V / delete binding source=vrs.events destination_type=queue destination={WORKING.name} "
        "properties_key=project.%23"
    )
    [line] = [line for line in found.queues if line.name == DEAD.name]
    assert line.unacked == 1


async def test_an_api_that_does_not_answer_is_named(connection: AbstractConnection) -> None:
    with pytest.raises(CommandError, match=r"VRS_RABBITMQ_API_URL: the management API at http://127\.0\.0\.1:1 does"):
        await ask_management(connection, SecretStr("http://guest:wrong@127.0.0.1:1"))


def free_ports() -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
