"""A wire to the broker that is cut after so many methods of the client: to the broker the same as SIGKILL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

PROTOCOL_HEADER = 8
FRAME_HEADER = 7
METHOD = 1


class Wire:
    """`left` methods go through; then both ends are dropped without a word. `sent` counts them."""

    def __init__(self, host: str, port: int) -> None:
        self.broker = (host, port)
        self.left = 0
        self.sent = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_broker, to_broker = await asyncio.open_connection(*self.broker)
        answers = asyncio.create_task(self._answers(from_broker, writer))
        try:
            to_broker.write(await reader.readexactly(PROTOCOL_HEADER))
            while self.left > 0:
                head = await reader.readexactly(FRAME_HEADER)
                rest = await reader.readexactly(int.from_bytes(head[3:]) + 1)
                to_broker.write(head + rest)
                if head[0] == METHOD:
                    self.left -= 1
                    self.sent += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            answers.cancel()
            writer.transport.abort()
            to_broker.close()  # what it was sent arrives

    async def _answers(self, from_broker: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await from_broker.read(65536):
            writer.write(data)


@asynccontextmanager
async def wire(amqp_url: str) -> AsyncIterator[tuple[Wire, str]]:
    """Give a wire and its URL."""
    url = urlsplit(amqp_url)
    made = Wire(url.hostname or "", url.port or 5672)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield made, url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{port}").geturl()
    finally:
        server.close()
