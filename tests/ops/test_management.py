"""What the doctor knows with RabbitMQ's management API, from a node that has it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiormq
import httpx
import pytest
from aiormq.abc import AbstractConnection
from pydantic import SecretStr

from ops.contracts.system import build_services
from ops.failure import CommandError
from ops.ports import free_ports
from ops.stack import RabbitNode, Stack
from ops.topology.comparison import compare
from ops.topology.definitions import definitions, user_of
from ops.topology.management import BrokerSettings, ask_management, give_rights
from shared.messaging.topology import declare
from tests.ops.queues import DEAD, WORKING
from tests.shared.messaging.harness import until


@dataclass(frozen=True)
class Managed:
    connection: AbstractConnection
    api_url: SecretStr


@pytest.fixture(scope="module")
async def managed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Managed]:
    """A node with the management plugin."""
    folder = tmp_path_factory.mktemp("managed")
    assert stack.node is not None, "this test starts a node of its own: unset VRS_AMQP_URL"
    *ports, api = free_ports(4)
    (folder / "enabled_plugins").write_text("[rabbitmq_management].")
    (folder / "rabbitmq.conf").write_text(
        f"management.tcp.port = {api}\nmanagement.tcp.ip = 127.0.0.1\ncollect_statistics_interval = 500\n"
    )
    (folder / "advanced.config").write_text("[{rabbit, [{quorum_tick_interval, 200}]}].")  # it counts unacked then
    node = RabbitNode(stack.node.script, folder, folder, stack.guard, ports)
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


async def test_each_user_is_given_what_its_service_needs_while_everything_runs(managed: Managed) -> None:
    services = await build_services()
    wanted = definitions(services, {})
    with pytest.raises(CommandError, match=r"has no user vrs-bootstrap, vrs-deploy.*vrs topology definitions"):
        await give_rights(managed.api_url, wanted)
    async with httpx.AsyncClient(base_url=managed.api_url.get_secret_value()) as http:
        for service in services:
            user = {"password": "made-up", "tags": ""}
            (await http.put(f"api/users/{user_of(service.name)}", json=user)).raise_for_status()
        assert await give_rights(managed.api_url, wanted) == len(services)

        async def given(kind: str) -> list[dict[str, str]]:
            found: list[dict[str, str]] = (await http.get(f"api/{kind}")).json()
            return sorted((each for each in found if each["user"].startswith("vrs-")), key=str)

        assert await given("permissions") == sorted(
            (each for each in wanted["permissions"] if each["user"].startswith("vrs-")), key=str
        )
        assert await given("topic-permissions") == sorted(wanted["topic_permissions"], key=str)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, "http://vrs:s%2Fcret@mq"),
        ("https://mq.example:443/path", "https://vrs:s%2Fcret@mq.example:443/path"),
        ("http://desk:other@mq:1", "http://desk:other@mq:1"),
    ],
)
def test_the_api_is_where_rabbitmq_is_and_has_its_login_unless_told_otherwise(given: str | None, found: str) -> None:
    settings = BrokerSettings(
        amqp_url=SecretStr("amqp://vrs:s%2Fcret@mq:5672/"),
        database_url=SecretStr("postgresql://mq/vrs"),
        rabbitmq_api_url=given and SecretStr(given),
    )
    assert settings.usual_api_url.get_secret_value() == found
    assert (settings.api_url is None) == (given is None)


async def test_an_api_that_does_not_answer_is_named(connection: AbstractConnection) -> None:
    with pytest.raises(CommandError, match=r"VRS_RABBITMQ_API_URL: the management API at http://127\.0\.0\.1:1 does"):
        await ask_management(connection, SecretStr("http://guest:wrong@127.0.0.1:1"))
