"""An open marketplace for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.services.core.shop import Shop, open_shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as shop:
        yield shop
