"""An archive that arrives in pieces: goes on where it stopped, ends at the size that was signed, is what was signed."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
import stamina

from contracts.core import PluginRelease
from services.core.errors import PluginFailedError, PluginRefusedError
from services.core.marketplace import REFUSED

TRIES = 5


class _InterruptedError(Exception):
    """The transfer ended early; what has arrived is kept and it goes on from there."""


@dataclass(frozen=True, slots=True)
class Download:
    """The archive of `release`, at `path` below the base of an HTTP client, on its way into `target`.

    `received` is told how many bytes have arrived.
    """

    release: PluginRelease
    path: str
    target: Path
    token: str
    received: Callable[[int], None]

    async def run(self, http: httpx.AsyncClient, seconds: float) -> None:
        """Fetch it and check its SHA-256.

        Raises:
            PluginRefusedError: it is not licensed, or not what its publisher signed.
            PluginFailedError: it did not arrive within `seconds`, or there is no room.

        """
        try:
            async with asyncio.timeout(seconds):
                await self._fetch(http)
                await asyncio.to_thread(self._verify)
        except TimeoutError as error:
            raise PluginFailedError(f"{self._name} did not arrive within {seconds:g} s") from error
        except (_InterruptedError, httpx.HTTPError) as error:
            raise PluginFailedError(f"{self._name} could not be fetched: {error or type(error).__name__}") from error
        except OSError as error:
            raise PluginFailedError(f"{self._name} could not be stored: {error.strerror or error}") from error

    @property
    def _name(self) -> str:
        return f"{self.release.name} {self.release.version}"

    @stamina.retry(on=(_InterruptedError, httpx.TransportError), attempts=TRIES, timeout=None, wait_initial=0.1)
    async def _fetch(self, http: httpx.AsyncClient) -> None:
        there = self._there()
        self.received(there)
        if there == self.release.size:
            return
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Encoding": "identity"}
        if there:
            headers |= {"Range": f"bytes={there}-", "If-Range": f'"{self.release.sha256}"'}
        async with http.stream("GET", self.path, headers=headers) as response:
            if response.status_code in (*REFUSED, HTTPStatus.NOT_FOUND):
                raise PluginRefusedError(
                    f"{self._name} is not licensed: the marketplace answers {response.status_code} to its download"
                )
            if response.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                raise _InterruptedError(f"the marketplace answers {response.status_code}")
            await self._append(response, there if response.status_code == HTTPStatus.PARTIAL_CONTENT else 0)

    async def _append(self, response: httpx.Response, there: int) -> None:
        with self.target.open("ab") as file:
            file.truncate(there)
            async for piece in response.aiter_raw():
                there += len(piece)
                if there > self.release.size:
                    raise PluginRefusedError(
                        f"{self._name} was tampered with: larger than the signed {self.release.size} bytes"
                    )
                file.write(piece)
                self.received(there)
            file.flush()
            os.fsync(file.fileno())
        if there < self.release.size:
            raise _InterruptedError(f"{there} of {self.release.size} bytes arrived")

    def _there(self) -> int:
        there = self.target.stat().st_size if self.target.exists() else 0
        return there if there <= self.release.size else 0

    def _verify(self) -> None:
        with self.target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != self.release.sha256:
            self.target.unlink()
            raise PluginRefusedError(f"{self._name} was tampered with: it is not the archive that its publisher signed")
