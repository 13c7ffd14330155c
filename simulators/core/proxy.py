"""The servers' proxies as one HTTPS listener: certificate by SNI, app by Host, as Traefik routes."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulators.core.apps import App, AppFaultKind, Apps, CoreState
from simulators.core.certificates import Authority
from simulators.faults import Switchboard
from simulators.serving import stop

SERVING = (CoreState.HEALTHY, CoreState.DEGRADED)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program that runs the simulators."""
        yield


class Proxy:
    """Holds a TLS context per host; `admit` and `dismiss` follow the apps."""

    def __init__(self, apps: Apps, board: Switchboard, authority: Authority) -> None:
        self._apps = apps
        self._board = board
        self._authority = authority
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._default = authority.default_context()
        self._default.sni_callback = self._choose
        app = Starlette(routes=[Route("/{path:path}", self._serve, methods=["GET", "HEAD", "POST"])])
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                http="h11",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
                ssl_context_factory=lambda *_: self._default,
            )
        )

    async def admit(self, app: App) -> None:
        """Route the app's host to it, in place of what was there."""
        host = app.started.fqdn
        if host not in self._contexts:
            self._contexts[host] = await asyncio.to_thread(self._authority.context_for, host)
        self._apps.by_host[host] = app

    def dismiss(self, host: str) -> bool:
        """Route the host nowhere; False if it was nowhere."""
        self._contexts.pop(host, None)
        return self._apps.by_host.pop(host, None) is not None

    @asynccontextmanager
    async def running(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve for as long as the block runs; gives the port. Raises OSError when it is taken."""
        listener = socket.create_server((host, port))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it not on given sockets
        serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            await stop(self._server, serving)

    def _choose(self, tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        host = (name or "").lower()
        if self._apps.fault(host, AppFaultKind.WRONG_CERTIFICATE) is None:
            tls.context = self._contexts.get(host, self._default)

    async def _serve(self, request: Request) -> Response:
        host = request.headers.get("host", "").partition(":")[0].lower()
        app = self._apps.by_host.get(host)
        if app is None:
            return PlainTextResponse("404 page not found\n", 404)
        if slow := self._apps.fault(host, AppFaultKind.SLOW):
            await asyncio.sleep(slow.seconds)
        if self._apps.fault(host, AppFaultKind.CLOSE):
            self._hang_up(request)
            return Response()  # nobody is left to read it
        if request.url.path == "/health":
            return await self._board.answer("health", lambda: self._health(app, request.headers.get("VRS-Nonce", "")))
        if request.url.path == "/converge" and request.method == "POST":
            return await self._board.answer("converge", lambda: self._converge(app))
        primary = app.started.env.get("VRS_PRIMARY_HOST") or host
        if host != primary:
            where = f"https://{primary}{request.url.path}" + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(where, 308)
        return await self._board.answer("page", lambda: self._page(app))

    async def _health(self, app: App, nonce: str) -> Response:
        host = app.started.fqdn
        if self._apps.fault(host, AppFaultKind.HEALTH_500):
            return PlainTextResponse("Internal Server Error", 500)
        health = app.health(self._apps.faults_of(host))
        answer = JSONResponse(health, 200 if health["state"] in SERVING else 503)
        signature = app.signature(nonce, bytes(answer.body))
        if signature is not None and self._apps.fault(host, AppFaultKind.UNSIGNED) is None:
            answer.headers["VRS-Signature"] = signature
        return answer

    async def _converge(self, app: App) -> Response:
        app.manifest = datetime.now(UTC)
        return Response(status_code=202)

    async def _page(self, app: App) -> Response:
        host = app.started.fqdn
        health = app.health(self._apps.faults_of(host))
        status = 200 if health["state"] in SERVING else 503
        return HTMLResponse(f"<!DOCTYPE html><title>{host}</title><h1>{host}</h1>", status)

    def _hang_up(self, request: Request) -> None:
        peer = tuple(request.scope["client"])
        for connection in self._server.server_state.connections:
            if isinstance(connection, H11Protocol) and connection.client == peer:
                connection.transport.abort()
