"""A running INWX simulator per test."""

from collections.abc import AsyncIterator

import httpx
import pytest

from simulators.inwx import running_inwx
from tests.simulators.inwx_api import Inwx


@pytest.fixture
async def inwx() -> AsyncIterator[Inwx]:
    async with running_inwx() as running, httpx.AsyncClient() as http:
        yield Inwx(running, http)


@pytest.fixture
async def demo(inwx: Inwx) -> Inwx:
    await inwx.login()
    return inwx


@pytest.fixture
async def other() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield http
