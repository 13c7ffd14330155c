"""A way to the broker that can be cut."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


@asynccontextmanager
async def cuttable(amqp_url: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """Give another URL for the broker, and a function that cuts all its connections."""
    broker = urlsplit(amqp_url)
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
        writer.close()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker_reader, broker_writer = await asyncio.open_connection(broker.hostname, broker.port)
        writers.extend((writer, broker_writer))
        await asyncio.gather(pump(reader, broker_writer), pump(broker_reader, writer))

    def cut() -> None:
        for writer in writers:
            writer.transport.abort()

    async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield broker._replace(netloc=f"{broker.username}:{broker.password}@127.0.0.1:{port}").geturl(), cut
        cut()
