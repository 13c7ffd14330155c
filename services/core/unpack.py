"""Unpacks a plugin's archive (a wheel or a zip) into a folder, trusting nothing that its directory says."""

import os
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from services.core.errors import PluginFailedError, PluginRefusedError

MOST_FILES = 20_000
MOST_BYTES = 1024 * 1024 * 1024
MOST_TIMES_LARGER = 200
"""Of the whole archive. Python's own wheels stay below 10; a zip bomb is above 1000."""

ALLOWANCE = 10 * 1024 * 1024
"""Bytes that are never too many: a small archive of empty files may grow more than `MOST_TIMES_LARGER` times."""

PIECE = 64 * 1024


def unpack(archive: Path, folder: Path) -> None:
    """Unpack `archive` into the new `folder`, flushed to the disk.

    Raises:
        PluginRefusedError: a path leads out, a link or device is inside, or it grows beyond all measure.
        PluginFailedError: it is no archive, or there is no room.

    """
    folder.mkdir(parents=True)
    limit = min(MOST_BYTES, max(ALLOWANCE, archive.stat().st_size * MOST_TIMES_LARGER))
    try:
        with zipfile.ZipFile(archive) as unpacked:
            entries = unpacked.infolist()
            if len(entries) > MOST_FILES:
                raise PluginRefusedError(f"holds {len(entries)} files, more than {MOST_FILES}")
            for entry in entries:
                limit -= _extract(unpacked, entry, folder, limit)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise PluginFailedError(f"cannot be unpacked: {error}") from error
    except OSError as error:
        raise PluginFailedError(f"cannot be unpacked: {error.strerror or error}") from error
    _flush_folders(folder)


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, limit: int) -> int:
    """Write one entry; return its size. What its header says of the size is not believed."""
    target = folder / _inside(entry)
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > limit:
                raise PluginRefusedError("grows beyond all measure when it is unpacked")
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return size


def _inside(entry: zipfile.ZipInfo) -> PurePosixPath:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise PluginRefusedError(f"holds a link or device: {entry.filename[:100]!r}")
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in path.parts[0]:
        raise PluginRefusedError(f"holds a path that leads out of its folder: {entry.filename[:100]!r}")
    return path


def _flush_folders(folder: Path) -> None:
    for parent, _, _ in os.walk(folder):
        flush(Path(parent))


def flush(folder: Path) -> None:
    """Make what was named in `folder` outlive a power failure."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
