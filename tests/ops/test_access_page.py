"""docs/access.md: its commands make users and roles under which each service can log in."""

from pathlib import Path
from urllib.parse import urlsplit

import aiormq
import asyncpg
import pytest

from contracts import ServiceName
from ops.grants import role_of
from ops.stack import RabbitNode, Stack
from ops.stack.rabbitmq import NODE, installed_server
from ops.topology.definitions import user_of
from tests.erlang import evaluate, own_node
from tests.examples.documents import blocks, printed

[USERS, ROLES] = blocks("docs/access.md")


def rabbitmqctl(node: RabbitNode) -> str:
    """Let the shell's ``rabbitmqctl`` speak to this node, as the machine's own does to the machine's."""
    server = installed_server()
    assert server is not None
    variables = f"HOME={node.folder} ERL_EPMD_PORT={node.ports[2]} RABBITMQ_NODENAME={NODE} RABBITMQ_USE_LONGNAME=true"
    return f'rabbitmqctl() {{ {variables} {server.with_name("rabbitmqctl")} "$@"; }}\n'


def login(server: str, told: Path) -> str:
    """The URL of a server of this test run, with the user and password of the URL in a secret file."""
    parts, credentials = urlsplit(server), urlsplit(told.read_text().strip())
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{credentials.username}:{credentials.password}@{host}").geturl()


@pytest.mark.timeout(180)  # rabbitmqctl starts an Erlang of its own
async def test_each_service_logs_in_with_what_the_page_makes(
    stack: Stack, amqp_url: str, database_url: str, tmp_path: Path
) -> None:
    node = own_node(stack)
    await printed("sh", "vrs secrets --simulated", folder=tmp_path)
    await printed("sh", rabbitmqctl(node) + USERS[1], folder=tmp_path)
    await printed("sh", ROLES[1], folder=tmp_path, VRS_DATABASE_URL=database_url)
    secrets = tmp_path / "secrets"
    try:
        for service in ServiceName:
            async with await aiormq.connect(login(amqp_url, secrets / f"{service}_amqp_url")) as connection:
                assert connection.url.user == user_of(service)
            session = await asyncpg.connect(login(database_url, secrets / f"{service}_database_url"))
            assert await session.fetchval("SELECT current_user") == role_of(service)
            await session.close()
    finally:
        for name in ["vrs", *map(user_of, ServiceName)]:
            await evaluate(node, f'rabbit_auth_backend_internal:delete_user(<<"{name}">>, <<"test">>)')
