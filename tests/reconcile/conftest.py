from collections.abc import AsyncIterator

import httpx
import pytest

from shared.database import Database
from tests.choreography.conftest import coolify, cores, http, inwx, lead
from tests.choreography.vendors import Deployments, Inwx
from tests.reconcile.tenancy import Tenancy, running_tenancy

__all__ = ["coolify", "cores", "http", "inwx"]  # fixtures


@pytest.fixture
async def tenancy(
    database: Database, inwx: Inwx, coolify: Deployments, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Tenancy]:
    """Projects as provisioning leaves them, and both reconcilers."""
    lead(monkeypatch, {"VRS_AMQP_URL": "amqp://nobody.invalid", "VRS_DATABASE_URL": database.listen_url})
    async with running_tenancy(database, inwx, coolify, http) as tenancy:
        yield tenancy
