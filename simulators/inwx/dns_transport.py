"""DNS over UDP and TCP on one port (RFC 1035 section 4.2, RFC 7766)."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

_IDLE = 10.0  # seconds until a silent TCP client is hung up on

Answer = Callable[[bytes], bytes | None]


@asynccontextmanager
async def running_dns(
    *, datagram: Answer, stream: Answer, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """Answer DNS messages for as long as the block runs; gives the port, a free one if `port` is 0.

    Raises OSError when the address is taken.
    """
    udp, tcp = _bind(host, port)
    conversations: set[asyncio.StreamWriter] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            while True:
                async with asyncio.timeout(_IDLE):
                    message = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                answer = stream(message)
                if answer is None:
                    break
                writer.write(len(answer).to_bytes(2) + answer)
                await writer.drain()
        conversations.discard(writer)
        writer.close()

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(datagram), sock=udp)
    server = await asyncio.start_server(converse, sock=tcp)
    try:
        yield tcp.getsockname()[1]
    finally:
        transport.close()
        server.close()
        for writer in conversations:
            writer.transport.abort()
        await server.wait_closed()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answer(data)
        if answer is not None:
            self._transport.sendto(answer, addr)


def _bind(host: str, port: int, attempts: int = 20) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on the same port; a free UDP port may be taken for TCP, hence the attempts."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.bind((host, port))
        tcp = socket.create_server((host, udp.getsockname()[1]))
    except OSError:
        udp.close()
        if port or attempts == 1:
            raise
        return _bind(host, port, attempts - 1)
    udp.setblocking(False)
    return udp, tcp
