from collections.abc import AsyncIterator

import pytest

from shared.database import Database
from tests.services.marketplace.api import Api, running_api
from tests.services.marketplace.hooks import Hooks, running_hooks


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with running_api(database) as api:
        yield api


@pytest.fixture
async def hooks(database: Database) -> AsyncIterator[Hooks]:
    async with running_hooks(database) as hooks:
        yield hooks
