"""The archives of plugins, in pieces that are read one at a time."""

from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.models.plugins import CHUNK_BYTES, PluginChunk, PluginRelease


class MissingPieceError(Exception):
    """An archive is not whole; the message says what to do."""


async def store(connection: AsyncConnection, archive: Path, sha256: str) -> None:
    """Put the archive into pieces, whatever an earlier version with the same content has left."""
    await connection.execute(delete(PluginChunk).where(PluginChunk.sha256 == sha256))
    number = 0
    with archive.open("rb") as file:
        while body := file.read(CHUNK_BYTES):
            await connection.execute(insert(PluginChunk).values(sha256=sha256, number=number, body=body))
            number += 1


async def read_archive(engine: AsyncEngine, release: PluginRelease, start: int) -> AsyncIterator[bytes]:
    """Read the archive from its byte `start` on, a piece at a time; no connection is held between two pieces.

    Raises MissingPieceError.
    """
    number, skip = divmod(start, CHUNK_BYTES)
    pieces = -(-release.size // CHUNK_BYTES)
    for each in range(number, pieces):
        async with engine.connect() as connection:
            body = await connection.scalar(
                select(PluginChunk.body).where(PluginChunk.sha256 == release.sha256, PluginChunk.number == each)
            )
        if body is None:
            raise MissingPieceError(f"piece {each} of {release.name} {release.version} is missing: publish it again")
        yield bytes(body)[skip:]
        skip = 0
