from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aiormq
import pytest

from tests.choreography.conftest import coolify, cores, http, inwx, mailbox, system
from tests.contracts.conftest import services
from tests.node import npm_ci

__all__ = ["coolify", "cores", "http", "inwx", "mailbox", "services", "system"]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def node_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of examples/node with its dependencies."""
    return npm_ci(EXAMPLES / "node", tmp_path_factory.mktemp("node") / "example")


@pytest.fixture
async def queue(amqp_url: str) -> AsyncIterator[str]:
    """The name of a queue that an integrator may declare; it is gone afterwards."""
    yield (name := f"integrator.{uuid4().hex}")
    async with await aiormq.connect(amqp_url) as connection:
        await (await connection.channel()).queue_delete(name)
