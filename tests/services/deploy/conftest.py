"""The deploy service on a Coolify simulator of its own, for each test."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from services.deploy.budget import Budget
from services.deploy.coolify import Coolify, api_headers
from shared.http import http_client
from tests.services.deploy.bench import READ_TIMEOUT, Bench, Client, running_bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_bench() as bench:
        yield bench


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Makes clients that have a budget and perhaps a token of their own."""
    async with AsyncExitStack() as stack:

        async def make(url: str, *, token: str = "9|service-token", **headers: str) -> Coolify:
            given = api_headers(token) | headers
            http = http_client(url + "/api/v1", headers=given, read_timeout=READ_TIMEOUT)
            return Coolify(await stack.enter_async_context(http), Budget(6000))

        yield make
