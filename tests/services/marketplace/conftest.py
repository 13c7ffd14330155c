from collections.abc import AsyncIterator

import pytest

from shared.database import Database
from tests.services.marketplace.api import Api, running_api


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with running_api(database) as api:
        yield api
