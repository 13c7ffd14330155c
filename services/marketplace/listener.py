"""Where the marketplace listens for HTTP, inside its process beside the kernel."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from services.marketplace.settings import MarketplaceSettings
from shared.service import Kernel

log = structlog.get_logger(__name__)

IDLE = 120
"""Seconds for which a connection without a request stays open: longer than a proxy keeps one (Traefik: 90), which would
answer 502 for a request that meets the end of its connection."""


class Listener:
    """Answers HTTP as long as the service runs; nowhere without a port."""

    def __init__(self, app: FastAPI, settings: MarketplaceSettings) -> None:
        self._app = app
        self._host, self._port = settings.http_host, settings.http_port
        self._server: _Server | None = None
        self._refused = ""

    def trouble(self) -> str | None:
        """Why nobody can reach the API and the pages; None if they can, or are not to."""
        if self._port is None or (self._server is not None and self._server.started):
            return None
        return ": ".join(filter(None, (f"HTTP: nothing listens on {self._host}:{self._port}", self._refused)))

    async def serve(self, kernel: Kernel) -> None:  # noqa: ARG002 - background work has one signature
        """Listen for ever.

        Raises:
            OSError: the port is taken, or not ours to take.

        """
        if self._port is None:
            await asyncio.Event().wait()
        try:
            listener = socket.create_server((self._host, self._port or 0))
        except OSError as error:
            self._refused = error.strerror or str(error)
            raise
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server = _Server(
            uvicorn.Config(self._app, lifespan="off", log_config=None, access_log=False, timeout_keep_alive=IDLE)
        )
        log.info("marketplace answers", port=listener.getsockname()[1])
        try:
            await self._server.serve(sockets=[listener])
        finally:
            self._server, self._refused = None, ""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `shared.messaging.run`."""
        yield
