"""The client of the vendors: nothing is sent by a try that has lost its lease."""

import asyncio
import math
import time
from uuid import uuid4

import httpx
import pytest

from shared.errors import StepVoidError
from shared.http import http_client
from shared.lease import Lease, current_lease
from shared.metrics import REGISTRY


@pytest.mark.parametrize("ends_on_the_way", [True, False])
async def test_a_call_whose_lease_ends_on_its_way_to_the_socket_is_not_sent(ends_on_the_way: bool) -> None:
    lease, received = Lease(ends=math.inf), asyncio.Queue[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.put_nowait(await reader.read(1000))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    async def freeze(_: httpx.Request) -> None:
        if ends_on_the_way:
            lease.ends = time.monotonic()

    before = current_lease.set(lease)
    try:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, http_client() as client:
            client.event_hooks = client.event_hooks | {"request": [*client.event_hooks["request"], freeze]}
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/envs"
            if ends_on_the_way:
                with pytest.raises(StepVoidError, match="ended before PATCH /envs"):
                    await client.patch(url, json={"data": []})
                assert await asyncio.wait_for(received.get(), 30) == b""
            else:
                assert (await client.patch(url, json={"data": []})).status_code == 204
                assert (await received.get()).startswith(b"PATCH /envs")
    finally:
        current_lease.reset(before)


@pytest.mark.parametrize(
    ("status", "outcome"), [(204, "2xx"), (401, "401"), (403, "403"), (404, "4xx"), (429, "429"), (503, "5xx")]
)
async def test_a_vendors_answer_is_counted_so_that_not_being_let_in_can_be_told_apart(
    status: int, outcome: str
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    vendor = uuid4().hex
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, http_client(vendor=vendor) as client:
        await client.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    labels = {"vendor": vendor, "outcome": outcome}
    assert REGISTRY.get_sample_value("vrs_vendor_call_seconds_count", labels) == 1
