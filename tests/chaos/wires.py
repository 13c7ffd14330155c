"""The network between one service and the broker or the database: a TCP proxy that can be cut in several ways."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

CHUNK = 65_536
SLOWNESS = 0.1
"""Seconds by which each chunk is late on a slow wire."""

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Cut(StrEnum):
    """What a wire does."""

    NONE = "none"
    REFUSED = "refused"  # new connections are refused, those there are end with a reset
    RESET = "reset"  # each connection ends with a reset, new ones soon do too
    SILENT = "silent"  # nothing passes; it goes on when the wire is mended
    ANSWERS = "answers"  # requests pass, answers don't; the connections end with a reset when the wire is mended
    SLOW = "slow"


class Wire:
    """One port. Use `running`."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._cut = Cut.NONE
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._deaf: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Wire"]:
        """Listen as long as the block runs."""
        await self._listen()
        try:
            yield self
        finally:
            self._open.set()
            self._close_port()
            self._reset(self._writers)

    async def cut(self, how: Cut) -> None:
        """Cut the wire, or mend it with `Cut.NONE`."""
        if self._cut is Cut.REFUSED and how is not Cut.REFUSED:
            await self._listen()
        if self._cut is Cut.ANSWERS:
            self._reset(self._deaf)
        self._cut = how
        if how in (Cut.SILENT, Cut.ANSWERS):
            self._open.clear()
        else:
            self._open.set()
        if how is Cut.REFUSED:
            self._close_port()
        if how in (Cut.REFUSED, Cut.RESET):
            self._reset(self._writers)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _close_port(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut is Cut.RESET:
            _abort(writer)
            return
        self._writers.add(writer)
        onward: asyncio.StreamWriter | None = None
        try:
            if self._cut is Cut.SILENT:
                await self._open.wait()
            answers, onward = await self._connect()
            self._writers.add(onward)
            pumps = [
                asyncio.create_task(self._pump(reader, onward, answers=False)),
                asyncio.create_task(self._pump(answers, writer, answers=True)),
            ]
            await asyncio.wait(pumps)
        except OSError:
            pass
        finally:
            for each in (writer, onward):
                if each is not None:
                    self._writers.discard(each)
                    self._deaf.discard(each)
                    _abort(each)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        """Pass on what comes; the end of one direction is the end of the connection, as a reset."""
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self._cut is Cut.SLOW:
                    await asyncio.sleep(SLOWNESS)
                if self._cut is Cut.SILENT or (self._cut is Cut.ANSWERS and answers):
                    if answers and self._cut is Cut.ANSWERS:
                        self._deaf.add(writer)
                    await self._open.wait()
                if writer in self._deaf:
                    break
                writer.write(chunk)
                await writer.drain()
        _abort(writer)

    @staticmethod
    def _reset(writers: set[asyncio.StreamWriter]) -> None:
        for writer in list(writers):
            _abort(writer)


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN: the other side learns at once that something is wrong."""
    peer = writer.get_extra_info("socket")
    with suppress(OSError):
        if peer is not None and peer.family != socket.AF_UNIX:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()
