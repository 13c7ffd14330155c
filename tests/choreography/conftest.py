from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from ops.stack import Stack
from shared.database import Database
from simulators.brevo import running_brevo
from simulators.coolify import running_coolify
from simulators.core import running_core
from simulators.inwx import running_inwx
from simulators.smtp import running_smtp
from tests.choreography.roles import users_and_roles
from tests.choreography.system import System, connected
from tests.choreography.vendors import Brevo, Cores, Deployments, Inwx, Mailbox


@pytest.fixture
async def system(database: Database, amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[System]:
    lead(monkeypatch, {"VRS_AMQP_URL": amqp_url, "VRS_DATABASE_URL": database.listen_url})
    async with connected(database, amqp_url) as system:
        yield system


@pytest.fixture
async def users(stack: Stack, system: System, tmp_path: Path) -> AsyncIterator[None]:
    """A user and a role for each service, with its rights and no others."""
    async with users_and_roles(stack, system, tmp_path):
        yield


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield http


@pytest.fixture
async def inwx(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Inwx]:
    async with running_inwx() as running:
        inwx = Inwx(http, running.control_url, running)
        lead(monkeypatch, inwx.settings())
        yield inwx


@pytest.fixture
async def brevo(inwx: Inwx, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Brevo]:
    async with running_brevo(dns_servers=inwx.inwx.dns_servers) as running:
        brevo = Brevo(http, running.control_url, running)
        lead(monkeypatch, brevo.settings())
        yield brevo


@pytest.fixture
async def cores(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cores]:
    async with running_core() as running:
        cores = Cores(http, running.control_url, running)
        await cores.mend()
        lead(monkeypatch, cores.settings())
        yield cores


@pytest.fixture
async def coolify(cores: Cores, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deployments]:
    async with running_coolify(core_url=cores.core.url) as running:
        coolify = Deployments(http, running.control_url, running)
        await coolify.mend()
        lead(monkeypatch, coolify.settings())
        yield coolify


@pytest.fixture
async def mailbox(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mailbox]:
    async with running_smtp() as running:
        mailbox = Mailbox(http, running.control_url, running)
        lead(monkeypatch, mailbox.settings())
        yield mailbox


def lead(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
