"""The simulator as servers: HTTPS for the customers' hosts, plain HTTP for whoever starts containers."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.core.apps import App, AppFault, Apps, StartedApp
from simulators.core.certificates import Authority
from simulators.core.proxy import Proxy
from simulators.faults import ControlRequest, Switchboard
from simulators.serving import running_app

BOOT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Core:
    """A running simulator. `ca_file` is what a client must trust to reach the hosts at `https_address`.

    `url` is the base of ``/_apps``, for `running_coolify`'s `core_url`.
    """

    https_address: str
    url: str
    control_url: str
    ca_file: Path


class CoreControl(ControlRequest):
    """Body of ``POST /_control``; each key is optional. `reset` also heals every app."""

    boot_seconds: float | None = Field(default=None, ge=0, le=3600)  # of apps that are started from now on
    app_fault: AppFault | None = None
    heal: str | None = None  # forgets the app faults of this name; `*` forgets all


class Desk:
    """The plain HTTP side."""

    def __init__(self, apps: Apps, proxy: Proxy, board: Switchboard) -> None:
        self._apps = apps
        self._proxy = proxy
        self._control = board.route_for(CoreControl, self._apply)
        self._boot_seconds = BOOT_SECONDS

    def routes(self) -> list[Route]:
        """``/_apps`` and ``/_control``."""
        return [
            Route("/_apps", self._list, methods=["GET"]),
            Route("/_apps", self._start, methods=["POST"]),
            Route("/_apps/{fqdn}", self._remove, methods=["DELETE"]),
            self._control,
        ]

    async def _list(self, _: Request) -> Response:
        return JSONResponse(
            [
                app.started.model_dump() | {"health": app.health(self._apps.faults_of(host))}
                for host, app in self._apps.by_host.items()
            ]
        )

    async def _start(self, request: Request) -> Response:
        try:
            started = StartedApp.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"errors": error.errors(include_url=False, include_context=False)}, 422)
        await self._proxy.admit(App(started, self._boot_seconds))
        return JSONResponse({"fqdn": started.fqdn}, 201)

    async def _remove(self, request: Request) -> Response:
        return Response(status_code=204 if self._proxy.dismiss(request.path_params["fqdn"]) else 404)

    def _apply(self, wanted: CoreControl) -> None:
        if wanted.reset:
            self._apps.heal("*")
            self._boot_seconds = BOOT_SECONDS
        if wanted.heal is not None:
            self._apps.heal(wanted.heal)
        if wanted.boot_seconds is not None:
            self._boot_seconds = wanted.boot_seconds
        if wanted.app_fault is not None:
            self._apps.faults.append(wanted.app_fault)


@asynccontextmanager
async def running_core(
    port: int = 0, control_port: int = 0, *, host: str = "127.0.0.1", folder: Path | None = None
) -> AsyncIterator[Core]:
    """Run all customers' vrs-core containers for as long as the block lasts.

    `port` is the HTTPS listener's, `control_port` that of ``/_apps`` and ``/_control``; 0 takes a free one.
    Raises OSError when one is taken. The CA file stays in `folder`, or is removed at the end if there is none.
    """
    apps, board = Apps(), Switchboard()
    with tempfile.TemporaryDirectory(prefix="vrs-core-") as temporary:
        authority = Authority(folder or Path(temporary))
        proxy = Proxy(apps, board, authority)
        desk = Starlette(routes=Desk(apps, proxy, board).routes())
        async with proxy.running(host, port) as https, running_app(desk, host=host, port=control_port) as plain:
            url = f"http://{host}:{plain}"
            yield Core(f"{host}:{https}", url, f"{url}/_control", authority.ca_file)
