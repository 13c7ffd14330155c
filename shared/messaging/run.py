"""One service as a process: from its settings to SIGTERM."""

import asyncio
import gc
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any

import structlog

from shared.database import Database, open_database
from shared.logging import configure_logging
from shared.messaging.health import answering
from shared.messaging.runtime import Runtime
from shared.service import Build, Service
from shared.settings import Settings, load
from shared.tracing import exported

log = structlog.get_logger(__name__)

DISPOSE_TIMEOUT = 3.0
OBJECTS_PER_COLLECTION = 10_000


async def run(build: Build) -> None:
    """Run one service until SIGTERM or SIGINT; return when everything that had begun is drained.

    Its health port answers from the first moment on, and tells what it waits for.

    Raises:
        SettingsError: a setting is missing or wrong.

    """
    stopping = _signalled()
    async with build() as service, AsyncExitStack() as stack:
        settings = load(Settings)  # after the service's own: those name every setting that is missing
        configure_logging(settings.log_format, settings.log_level, service=service.name.value)
        database = open_database(settings, application_name=f"vrs {service.name}")
        stack.push_async_callback(_dispose, database)
        await stack.enter_async_context(exported(service.name))
        await _serve(service, database, settings, stopping)


async def _serve(service: Service, database: Database, settings: Settings, stopping: asyncio.Event) -> None:
    runtime = Runtime(
        service,
        database,
        settings.amqp_url.get_secret_value(),
        lease=settings.lease_seconds,
        outbox_old_after=settings.outbox_alarm_seconds,
    )
    async with answering(runtime, settings.health_host, settings.health_port):
        try:
            await _unless(stopping, runtime.start())
            if not stopping.is_set():
                runtime.broken.add_done_callback(lambda _: stopping.set())
                _spare_the_collector()
                log.info("service is up", service=service.name.value)
                await stopping.wait()
                log.info("service stops", service=service.name.value)
        finally:
            await runtime.stop()
    if runtime.broken.done():
        runtime.broken.result()


async def _dispose(database: Database) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(DISPOSE_TIMEOUT):
            await database.engine.dispose()


def _spare_the_collector() -> None:
    """What is there by now stays, and a group of events is thousands of objects, hardly one of them in a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_PER_COLLECTION)


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do `work`, unless a signal comes first: then it is cancelled."""
    task = asyncio.create_task(work)
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
        return
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _signalled() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping
