import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from tests.chaos.wires import Cut, Wire

SILENCE = 0.3
"""Seconds in which an answer would have come."""


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """A wire to a server that answers each line with itself."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Wire(partial(asyncio.open_connection, "127.0.0.1", port)).running() as wire:
        yield wire
    server.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> bytes:
    writer.write(line)
    async with asyncio.timeout(SILENCE):
        return await reader.readline()


async def test_a_wire_passes_on_what_is_said(wire: Wire) -> None:
    assert await ask(*await asyncio.open_connection("127.0.0.1", wire.port), b"one\n") == b"one\n"


async def test_a_refused_wire_ends_connections_takes_none_and_does_again(wire: Wire) -> None:
    connection = await asyncio.open_connection("127.0.0.1", wire.port)
    assert await ask(*connection, b"one\n") == b"one\n"
    await wire.cut(Cut.REFUSED)
    with pytest.raises(ConnectionResetError):
        await ask(*connection, b"two\n")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", wire.port)
    await wire.cut(Cut.NONE)
    assert await ask(*await asyncio.open_connection("127.0.0.1", wire.port), b"three\n") == b"three\n"


async def test_what_was_said_into_silence_arrives_when_the_wire_is_mended(wire: Wire) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    await wire.cut(Cut.SILENT)
    with pytest.raises(TimeoutError):
        await ask(reader, writer, b"one\n")
    await wire.cut(Cut.NONE)
    assert await reader.readline() == b"one\n"


async def test_an_answer_that_is_lost_never_comes(wire: Wire) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    await wire.cut(Cut.ANSWERS)
    with pytest.raises(TimeoutError):
        await ask(reader, writer, b"one\n")
    await wire.cut(Cut.NONE)
    with pytest.raises(ConnectionResetError):
        await reader.readline()
