"""What is installed: unpacked archives by their SHA-256, sets of them, and which set is the current one.

``store/<sha256>/`` is an unpacked archive and never changes; ``sets/<id>/`` has a link to one for each plugin and
``set.json``; ``current`` is a link to a set. Each comes into being under another name and is renamed, so a crash at any
moment leaves the old or the new one.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel, SecretStr, ValidationError

from contracts.core import PluginRelease
from services.core.unpack import flush, unpack

SET_FILE = "set.json"


class HomeBusyError(Exception):
    """Another vrs-core uses this folder."""


class InstalledSet(BaseModel):
    """Plugins that stand together."""

    plugins: tuple[PluginRelease, ...] = ()


class Memory(BaseModel):
    """What must outlive a restart beside the plugins: the newest token, and what the newest manifest said."""

    token: str
    issued_at: datetime
    wanted: dict[str, str] = {}


class Store:
    """The folder `home`, which one process at a time may use (`held`)."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.downloads = home / "downloads"
        self._archives = home / "store"
        self._sets = home / "sets"
        self._current = home / "current"
        self._memory = home / "memory.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder, made if it is missing.

        Raises:
            HomeBusyError: another process holds it.
            OSError: it cannot be written.

        """
        for folder in (self.downloads, self._archives, self._sets):
            folder.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise HomeBusyError(f"another vrs-core uses {self.home}: stop it, or set VRS_CORE_HOME") from None
            yield

    def current(self) -> InstalledSet:
        """What is installed now; nothing, if there is nothing that can be read."""
        try:
            return InstalledSet.model_validate_json((self._current / SET_FILE).read_bytes())
        except (OSError, ValidationError):
            return InstalledSet()

    def folder_of(self, release: PluginRelease) -> Path:
        """Where its unpacked archive is, or would be."""
        return self._archives / release.sha256

    def archive_of(self, release: PluginRelease) -> Path:
        """Where its archive is while it arrives."""
        return self.downloads / f"{release.sha256}.part"

    async def unpack(self, release: PluginRelease) -> Path:
        """Unpack its archive, which is removed; return the folder. Raises as `services.core.unpack.unpack`."""
        return await asyncio.to_thread(self._unpack, release)

    def _unpack(self, release: PluginRelease) -> Path:
        target, archive = self.folder_of(release), self.archive_of(release)
        if not target.exists():
            growing = self._archives / f".{uuid4().hex}"
            try:
                unpack(archive, growing)
                growing.rename(target)
            finally:
                shutil.rmtree(growing, ignore_errors=True)
            flush(self._archives)
        archive.unlink(missing_ok=True)
        return target

    def switch(self, releases: Sequence[PluginRelease]) -> None:
        """Make these the current set, at once or not at all; then remove what it does not use."""
        body = InstalledSet(plugins=tuple(releases)).model_dump_json().encode()
        chosen = self._sets / hashlib.sha256(body).hexdigest()[:16]
        if not chosen.exists():
            growing = self._sets / f".{uuid4().hex}"
            growing.mkdir()
            for release in releases:
                (growing / release.name).symlink_to(Path("../../store") / release.sha256)
            _write(growing / SET_FILE, body)
            growing.rename(chosen)
            flush(self._sets)
        link = self.home / f".{uuid4().hex}"
        link.symlink_to(Path("sets") / chosen.name)
        link.replace(self._current)
        flush(self.home)
        self.tidy()

    def tidy(self) -> None:
        """Remove whatever the current set does not need. Archives that are still arriving stay."""
        kept = {release.sha256 for release in self.current().plugins}
        current = self._current.readlink().name if self._current.is_symlink() else None
        for archive in self._archives.iterdir():
            if archive.name not in kept:
                shutil.rmtree(archive, ignore_errors=True)
        for each in self._sets.iterdir():
            if each.name != current:
                shutil.rmtree(each, ignore_errors=True)
        for stray in self.home.glob(".*"):
            stray.unlink()

    def forget_downloads(self, wanted: Sequence[PluginRelease]) -> None:
        """Remove what has arrived of archives that nobody wants any more."""
        names = {self.archive_of(release).name for release in wanted}
        for archive in self.downloads.iterdir():
            if archive.name not in names:
                archive.unlink()

    def recall(self) -> Memory | None:
        """What was remembered; None if there is nothing that can be read."""
        try:
            return Memory.model_validate_json(self._memory.read_bytes())
        except (OSError, ValidationError):
            return None

    def remember(self, memory: Memory) -> None:
        """Remember it, readable for this user only."""
        growing = self.home / f".{uuid4().hex}"
        _write(growing, memory.model_dump_json().encode())
        growing.replace(self._memory)
        flush(self.home)


def token_of(memory: Memory | None, given: SecretStr) -> str:
    """The token to present: the newest one, at the first start the one that was given."""
    return memory.token if memory else given.get_secret_value()


def _write(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - with a mode
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
