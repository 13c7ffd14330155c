from collections.abc import AsyncIterator

import aiormq
import pytest

from shared.messaging.topology import declare
from tests.examples.conftest import node_example

__all__ = ["node_example"]


@pytest.fixture
async def channel(amqp_url: str) -> AsyncIterator[aiormq.abc.AbstractChannel]:
    """A channel on a broker with our exchanges."""
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        await declare(channel, ())
        yield channel
