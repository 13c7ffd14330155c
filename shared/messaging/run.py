"""One service as a process: from its settings to SIGTERM."""

import asyncio
import json
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get

from shared.database import open_database, wait_until_up
from shared.logging import configure_logging
from shared.messaging.runtime import Runtime, running
from shared.service import Build, Service
from shared.settings import Settings, load

log = structlog.get_logger(__name__)


async def run(build: Build) -> None:
    """Run one service until SIGTERM or SIGINT; return when everything that had begun is drained.

    Raises:
        SettingsError: a setting is missing or wrong.

    """
    settings = load(Settings)
    configure_logging(settings.log_format, settings.log_level)
    stopping = _signalled()
    async with build() as service:
        await _until(stopping, _serve(service, settings, stopping))


async def _serve(service: Service, settings: Settings, stopping: asyncio.Event) -> None:
    database = open_database(settings, application_name=f"vrs {service.name}")
    try:
        await wait_until_up(database)
        amqp_url = settings.amqp_url.get_secret_value()
        async with running(service, database, amqp_url=amqp_url, lease=settings.lease_seconds) as runtime:
            log.info("service is up", service=service.name.value)
            async with asyncio.TaskGroup() as group:
                server = _health_server(runtime, settings)
                if server:
                    group.create_task(server.serve())
                runtime.broken.add_done_callback(lambda _: stopping.set())
                await stopping.wait()
                if server:
                    server.should_exit = True
            log.info("service stops", service=service.name.value)
        if runtime.broken.done():
            runtime.broken.result()
    finally:
        await database.engine.dispose()


async def _until(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do `work`; a signal that comes before it can stop by itself cancels it."""
    task = asyncio.create_task(work)
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await task


def _signalled() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


class _HealthServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `run`."""
        yield


def _health_server(runtime: Runtime, settings: Settings) -> uvicorn.Server | None:
    if settings.health_port is None:
        return None

    @get
    async def live(scope: Any) -> AsgiResponse:  # noqa: ARG001 - FastStream's signature
        """The event loop turns."""
        return AsgiResponse(b"", 204)

    @get
    async def ready(scope: Any) -> AsgiResponse:  # noqa: ARG001 - FastStream's signature
        """Each consumer is subscribed and every loop of the kernel runs; else 503 with the reasons."""
        reasons = runtime.not_ready
        body = json.dumps({"ready": not reasons, "reasons": reasons}).encode()
        return AsgiResponse(body, 503 if reasons else 200, {"content-type": "application/json"})

    app = AsgiFastStream(runtime.broker, asgi_routes=[("/health/live", live), ("/health/ready", ready)])
    config = uvicorn.Config(
        app, host=settings.health_host, port=settings.health_port, lifespan="off", log_config=None, access_log=False
    )
    return _HealthServer(config)
