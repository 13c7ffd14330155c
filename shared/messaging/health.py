"""A service's health port: whether it lives, whether it is ready and if not why, and what it has counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from shared.measure import measure
from shared.messaging.runtime import Runtime
from shared.metrics import BACKGROUND_FAILING, READY, REGISTRY


@asynccontextmanager
async def answering(runtime: Runtime, host: str, port: int | None) -> AsyncIterator[None]:
    """Answer on `port` as long as the block runs, whatever the service does meanwhile; without a port do nothing."""
    if port is None:
        yield
        return
    config = uvicorn.Config(_app(runtime), host=host, port=port, lifespan="off", log_config=None, access_log=False)
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `run`."""
        yield


def _app(runtime: Runtime) -> AsgiFastStream:
    @get
    async def live(scope: Any) -> AsgiResponse:  # noqa: ARG001 - FastStream's signature
        """The event loop turns."""
        return AsgiResponse(b"", 204)

    @get
    async def ready(scope: Any) -> AsgiResponse:  # noqa: ARG001 - FastStream's signature
        """The service can do its work; else 503 with the reasons."""
        reasons = runtime.not_ready
        body = json.dumps({"ready": not reasons, "reasons": reasons}).encode()
        return AsgiResponse(body, 503 if reasons else 200, {"content-type": "application/json"})

    @get
    async def metrics(scope: Any) -> AsgiResponse:  # noqa: ARG001 - FastStream's signature
        """Everything that `shared.metrics` knows, for Prometheus."""
        await measure(runtime.database, runtime.service)
        READY.set(not runtime.not_ready)
        for work in runtime.background:
            BACKGROUND_FAILING.labels(work.name).set(work.is_failing)
        return AsgiResponse(generate_latest(REGISTRY), 200, {"content-type": CONTENT_TYPE_PLAIN_0_0_4})

    routes = [("/health/live", live), ("/health/ready", ready), ("/metrics", metrics)]
    return AsgiFastStream(runtime.broker, asgi_routes=routes)
