from collections.abc import AsyncIterator

import aiormq
import pytest

from shared.database import Database
from tests.shared.messaging.harness import Harness


@pytest.fixture
async def harness(database: Database, amqp_url: str) -> AsyncIterator[Harness]:
    connection = await aiormq.connect(amqp_url)
    yield Harness(database, amqp_url, await connection.channel())
    await connection.close()
