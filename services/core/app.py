"""vrs-core's composition root: ``python -m services.core``, or ``vrs-core``, is what the container runs."""

import asyncio
import json
import signal
import sys

import httpx
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.core import NONCE_HEADER, SIGNATURE_HEADER, VERSION_HEADER
from contracts.signatures import sign_health
from services.core.boot import Boot
from services.core.converge import Limits
from services.core.manifest import Trust
from services.core.report import CoreState
from services.core.settings import CoreSettings, SettingsError, load
from services.core.store import HomeBusyError, Store

MOST_NONCE = 128
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
HTTP_TIMEOUT = 20.0
"""Seconds without a byte from the marketplace."""

WORKING = (CoreState.HEALTHY, CoreState.DEGRADED)


def application(boot: Boot, settings: CoreSettings) -> Starlette:
    """The health routes of vrs-core, ``POST /converge``, which only makes it look at its manifest sooner, redirects.

    Health is told under every name: bootstrap asks each of them.
    """
    key = settings.signing_key

    async def live(_: Request) -> Response:
        return Response(status_code=204)

    async def ready(_: Request) -> Response:
        state = boot.report.state
        return Response(f"{state.value}\n", 200 if state in WORKING else 503, media_type="text/plain")

    async def health(request: Request) -> Response:
        body = json.dumps(boot.report.body()).encode()
        signature = sign_health(key, request.headers.get(NONCE_HEADER, "")[:MOST_NONCE], body)
        status = 200 if boot.report.state in WORKING else 503
        return Response(body, status, {SIGNATURE_HEADER: signature, "Cache-Control": "no-store"}, "application/json")

    async def converge(_: Request) -> Response:
        boot.ask()
        return Response(status_code=202)

    async def elsewhere(request: Request) -> Response:
        """Whoever comes under another name is sent to the primary one, with path and query."""
        host = request.headers.get("host", "").partition(":")[0].lower()
        if settings.primary_host is None or host == settings.primary_host:
            return Response("404 not found\n", 404, media_type="text/plain")
        query = f"?{request.url.query}" if request.url.query else ""
        return Response(
            status_code=308, headers={"Location": f"https://{settings.primary_host}{_path(request)}{query}"}
        )

    return Starlette(
        routes=[
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/health", health),
            Route("/converge", converge, methods=["POST"]),
            Route("/{path:path}", elsewhere, methods=METHODS),
        ]
    )


def _path(request: Request) -> str:
    """The path as it came: decoded once, it would be another one for some."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    return raw.partition(b"?")[0].decode("ascii", "replace")


async def serve(settings: CoreSettings) -> None:
    """Boot and answer until SIGTERM. Raises HomeBusyError, or OSError without a folder that can be written."""
    store = Store(settings.core_home)
    trust = Trust(settings.project_id, settings.core_version, settings.manifest_keys, settings.plugin_keys)
    limits = Limits(settings.download_seconds, settings.check_seconds, settings.core_refresh_seconds)
    with store.held():
        asks = {VERSION_HEADER: settings.core_version}
        async with httpx.AsyncClient(
            base_url=str(settings.marketplace_url), headers=asks, timeout=HTTP_TIMEOUT
        ) as http:
            boot = Boot(http, store, trust, settings.bootstrap_token, limits)
            config = uvicorn.Config(
                application(boot, settings),
                host=settings.core_host,
                port=settings.core_port,
                loop="asyncio",  # the same in every image, and 5 MB less than what it may find
                http="h11",
                log_config=None,
                access_log=False,
                lifespan="off",
            )
            async with asyncio.TaskGroup() as group:  # a boot that breaks ends the process: Coolify starts it again
                running = group.create_task(boot.run())
                await uvicorn.Server(config).serve()
                running.cancel()


def main() -> None:
    """Run vrs-core: exit 0 after SIGTERM, 2 with a setting or folder that is wrong."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ]
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the server handles it itself
    try:
        asyncio.run(serve(load()))
    except (SettingsError, HomeBusyError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        return
