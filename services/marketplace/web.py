"""The marketplace's HTTP side, served inside its process beside the kernel."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from services.marketplace import core_routes, preview_routes
from services.marketplace.admin.frame import mount_admin
from services.marketplace.api import (
    availability,
    base_domains,
    cancellation,
    capacity,
    domains,
    mail_domains,
    previews,
    projects,
    retry,
    servers,
    story,
    transfers,
    webhooks,
)
from services.marketplace.api.document import describe
from services.marketplace.body_limit import BodyLimit
from services.marketplace.dependencies import RateLimit
from services.marketplace.feed import Feed
from services.marketplace.problems import answer_with_problems
from services.marketplace.request_spans import RequestSpans
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.status.routes import serve_status
from shared.database import Database
from shared.service import Background, Kernel

log = structlog.get_logger(__name__)

IDLE = 120
"""Seconds for which a connection without a request stays open: longer than a proxy keeps one (Traefik: 90), which would
answer 502 for a request that meets the end of its connection."""

PROJECTS = (projects, story, cancellation, retry, domains, mail_domains, transfers)
API = (*PROJECTS, availability, capacity, previews, servers, base_domains, webhooks)


def web(database: Database, settings: MarketplaceSettings) -> FastAPI:
    """Everything that the marketplace answers."""
    app = FastAPI(
        title="VRS marketplace", version="1", openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    answer_with_problems(app)
    app.add_middleware(BodyLimit, most=settings.api_body_bytes)
    app.add_middleware(RequestSpans)
    app.state.database, app.state.settings = database, settings
    app.state.rate_limit, app.state.feed = RateLimit(settings.api_rate_limit), Feed(database)
    for resource in (core_routes, *API, preview_routes):
        app.include_router(resource.router)
    describe(app)
    mount_admin(app, database, settings)
    serve_status(app, database)
    return app


def serving(app: FastAPI, settings: MarketplaceSettings) -> Background:
    """Answer as long as the service runs; nowhere without a port."""

    async def serve(kernel: Kernel) -> None:  # noqa: ARG001 - background work has one signature
        if settings.http_port is None:
            await asyncio.Event().wait()
        listener = socket.create_server((settings.http_host, settings.http_port or 0))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _Server(
            uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_keep_alive=IDLE)
        )
        log.info("marketplace answers", port=listener.getsockname()[1])
        await server.serve(sockets=[listener])

    return serve


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `shared.messaging.run`."""
        yield
