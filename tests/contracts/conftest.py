"""The documents as the code says them now."""

import asyncio

import pytest

from ops.contracts.documents import generate
from ops.contracts.system import build_services
from shared.service import Service


@pytest.fixture(scope="session")
def services() -> tuple[Service, ...]:
    """Every service, as its composition root builds it."""
    return asyncio.run(build_services())


@pytest.fixture(scope="session")
def documents(services: tuple[Service, ...]) -> dict[str, str]:
    """Every generated document by its path."""
    return generate(services)
