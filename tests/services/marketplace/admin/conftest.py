from collections.abc import AsyncIterator

import pytest

from shared.database import Database
from tests.services.marketplace.admin.browser import TRANSFER_KEY, Desk, opened


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with opened(database, transfer_key=TRANSFER_KEY) as desk:
        yield desk
