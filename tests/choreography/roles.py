"""A user of RabbitMQ and a role in PostgreSQL for each service, with the rights that its code names."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from contracts import ServiceName
from ops.contracts.system import build_services
from ops.grants import apply, role_of
from ops.stack import Stack
from ops.topology.definitions import definitions, password_hash, user_of
from tests.choreography.system import System
from tests.erlang import evaluate, own_node

PASSWORD = "made-up"


@asynccontextmanager
async def users_and_roles(stack: Stack, system: System, tmp_path: Path) -> AsyncIterator[None]:
    """The definitions imported into the broker, and the roles made in the database."""
    node = own_node(stack)
    services = await build_services()
    names = [user_of(service.name) for service in services]
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps(definitions(services, {name: password_hash(PASSWORD) for name in names})))
    await evaluate(node, f'{{ok, B}} = file:read_file("{file}"), ok = rabbit_definitions:import_raw(B)')
    await apply(system.database.engine, services, {})
    yield
    for name in [*names, "vrs"]:
        await evaluate(node, f'rabbit_auth_backend_internal:delete_user(<<"{name}">>, <<"test">>)')


def amqp_of(url: str, service: ServiceName) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user_of(service)}:{PASSWORD}@{parts.hostname}:{parts.port}").geturl()


def database_of(url: str, service: ServiceName) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role_of(service)}:{parts.password or PASSWORD}@{host}").geturl()
