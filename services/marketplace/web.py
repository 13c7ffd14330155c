"""The marketplace's HTTP side, served inside its process beside the kernel."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from services.marketplace import core_routes
from services.marketplace.problems import answer_with_problems
from services.marketplace.settings import MarketplaceSettings
from shared.database import Database
from shared.service import Background, Kernel

log = structlog.get_logger(__name__)


def web(database: Database, settings: MarketplaceSettings) -> FastAPI:
    """Everything that the marketplace answers."""
    app = FastAPI(title="VRS marketplace", version="1", docs_url=None, redoc_url=None)
    answer_with_problems(app)
    app.state.database, app.state.settings = database, settings
    app.include_router(core_routes.router)
    return app


def serving(app: FastAPI, settings: MarketplaceSettings) -> Background:
    """Answer as long as the service runs; nowhere without a port."""

    async def serve(kernel: Kernel) -> None:  # noqa: ARG001 - background work has one signature
        if settings.http_port is None:
            await asyncio.Event().wait()
        listener = socket.create_server((settings.http_host, settings.http_port or 0))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
        log.info("marketplace answers", port=listener.getsockname()[1])
        await server.serve(sockets=[listener])

    return serve


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `shared.messaging.run`."""
        yield
