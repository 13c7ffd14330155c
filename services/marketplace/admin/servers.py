"""The servers: how full they are, and whether they take new projects."""

from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from contracts.problems import field_problems
from services.marketplace.admin.page import Page, all_typed, go_to, needs, write_down
from shared.errors import RefusedError
from shared.models import ServerState, StaffActionKind, StaffRole
from shared.servers import NewServer, add_server, move_server, remove_server, server_lines

FIELDS = ("name", "coolify_uuid", "region", "ipv4", "ipv6", "capacity", "ram_mb", "cpu_cores")


class Servers(Page):
    """All servers."""

    menu_label = lazy_gettext("Servers")
    icon = "servers"
    path = "/servers"

    @route("", name="servers")
    async def index(self, request: Request) -> Response:
        """List them with their capacity."""
        lines, waiting = await server_lines(self.desk.database.engine)
        return self.render(request, "servers.html", servers=lines, waiting=waiting, active=ServerState.ACTIVE)

    @route("", methods=["POST"], name="server-add")
    @needs(StaffRole.OPERATOR)
    async def add(self, request: Request) -> Response:
        """Add one."""
        given = await all_typed(request)
        try:
            server = NewServer.model_validate({name: given[name] for name in FIELDS if name in given})
            await add_server(self.desk.database.engine, server)
        except ValidationError as error:
            return _refused(request, "; ".join(field_problems(error)))
        except RefusedError as error:
            return _refused(request, str(error))
        await self._write_down(request, StaffActionKind.SERVER_ADDED, server.name, capacity=server.capacity)
        return go_to(request, "/servers", _("The server is added. Orders that wait for a place go on."))

    @route("/{name}/state", methods=["POST"], name="server-state")
    @needs(StaffRole.OPERATOR)
    async def move(self, request: Request) -> Response:
        """Drain one, or let it take projects again."""
        name = request.path_params["name"]
        is_draining = (await all_typed(request)).get("state") == ServerState.DRAINING
        state = ServerState.DRAINING if is_draining else ServerState.ACTIVE
        try:
            await move_server(self.desk.database.engine, name, state)
        except RefusedError as error:
            return _refused(request, str(error))
        await self._write_down(request, StaffActionKind.SERVER_MOVED, name, state=state.value)
        said = _("The server takes no new projects now.") if is_draining else _("The server takes new projects again.")
        return go_to(request, "/servers", said)

    @route("/{name}/remove", methods=["POST"], name="server-remove")
    @needs(StaffRole.OPERATOR)
    async def remove(self, request: Request) -> Response:
        """Remove one that holds no project."""
        name = request.path_params["name"]
        try:
            await remove_server(self.desk.database.engine, name)
        except RefusedError as error:
            return _refused(request, str(error))
        await self._write_down(request, StaffActionKind.SERVER_REMOVED, name)
        return go_to(request, "/servers", _("The server is removed. Nothing was changed at Coolify."))

    async def _write_down(self, request: Request, kind: StaffActionKind, name: str, **detail: Any) -> None:
        async with self.desk.database.engine.begin() as connection:
            await write_down(connection, request, kind, name, **detail)


def _refused(request: Request, why: str) -> Response:
    return go_to(request, "/servers", _("This cannot be done: %(why)s") % {"why": why}, category="error")
