"""One service as a process: from its settings to SIGTERM."""

import asyncio
import gc
import json
import signal
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Any, TypeVar

import structlog
import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from shared.database import Database, open_database, wait_until_up
from shared.logging import configure_logging
from shared.measure import measure
from shared.messaging.runtime import Runtime, running
from shared.metrics import REGISTRY
from shared.service import Build, Service
from shared.settings import Settings, load
from shared.tracing import exported

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

DISPOSE_TIMEOUT = 3.0
OBJECTS_PER_COLLECTION = 10_000


async def run(build: Build) -> None:
    """Run one service until SIGTERM or SIGINT; return when everything that had begun is drained.

    Raises:
        SettingsError: a setting is missing or wrong.

    """
    stopping = _signalled()
    async with build() as service:  # first: it names every setting that is missing, the kernel's as well
        settings = load(Settings)
        configure_logging(settings.log_format, settings.log_level, service=service.name.value)
        database = open_database(settings, application_name=f"vrs {service.name}")
        try:
            await _unless(stopping, wait_until_up(database))
            if not stopping.is_set():
                async with exported(service.name):
                    await _serve(service, database, settings, stopping)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(DISPOSE_TIMEOUT):
                    await database.engine.dispose()


async def _serve(service: Service, database: Database, settings: Settings, stopping: asyncio.Event) -> None:
    amqp_url = settings.amqp_url.get_secret_value()
    async with AsyncExitStack() as stack:
        entering = stack.enter_async_context(
            running(
                service,
                database,
                amqp_url=amqp_url,
                lease=settings.lease_seconds,
                outbox_old_after=settings.outbox_alarm_seconds,
            )
        )
        runtime = await _unless(stopping, entering)
        if runtime is None:
            return
        runtime.broken.add_done_callback(lambda _: stopping.set())
        _spare_the_collector()
        log.info("service is up", service=service.name.value)
        server = _health_server(runtime, settings)
        async with asyncio.TaskGroup() as group:
            if server:
                group.create_task(server.serve())
            await stopping.wait()
            if server:
                server.should_exit = True
        log.info("service stops", service=service.name.value)
    if runtime.broken.done():
        runtime.broken.result()


def _spare_the_collector() -> None:
    """What is there by now stays, and a group of events is thousands of objects, hardly one of them in a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_PER_COLLECTION)


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result | None:
    """Do `work`, unless a signal comes first: then it is cancelled and the answer is None."""
    task = asyncio.create_task(work)
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


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
        """The service can do its work; else 503 with the reasons."""
        reasons = runtime.not_ready
        body = json.dumps({"ready": not reasons, "reasons": reasons}).encode()
        return AsgiResponse(body, 503 if reasons else 200, {"content-type": "application/json"})

    @get
    async def metrics(scope: Any) -> AsgiResponse:  # noqa: ARG001 - FastStream's signature
        """Everything that `shared.metrics` knows, for Prometheus."""
        await measure(runtime.database, runtime.service)
        return AsgiResponse(generate_latest(REGISTRY), 200, {"content-type": CONTENT_TYPE_PLAIN_0_0_4})

    routes = [("/health/live", live), ("/health/ready", ready), ("/metrics", metrics)]
    app = AsgiFastStream(runtime.broker, asgi_routes=routes)
    config = uvicorn.Config(
        app, host=settings.health_host, port=settings.health_port, lifespan="off", log_config=None, access_log=False
    )
    return _HealthServer(config)
