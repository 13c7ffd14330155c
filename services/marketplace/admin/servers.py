"""The servers: how full they are, and whether they take new projects."""

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from services.marketplace.admin.page import Page, all_typed, go_to, needs, write_down
from services.marketplace.admin.refusals import cannot, refusal
from shared.errors import RefusedError
from shared.models import ServerState, StaffActionKind, StaffRole
from shared.servers import NewServer, add_server, move_server, remove_server, server_lines

_NAME = lazy_gettext("Name and region are made of a-z, 0-9 and hyphens.")
FIELDS = {
    "name": _NAME,
    "coolify_uuid": lazy_gettext("Coolify's uuid is missing."),
    "region": _NAME,
    "ipv4": lazy_gettext("An IPv4 address looks like 203.0.113.10."),
    "ipv6": lazy_gettext("An IPv6 address looks like 2001:db8::10."),
    "capacity": lazy_gettext("The places are a number from 0 to 100000."),
    "ram_mb": lazy_gettext("The memory is a whole number of MB."),
    "cpu_cores": lazy_gettext("The cores are a number like 4 or 0.5."),
}
"""The form, and what each field takes."""


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
            async with self.desk.database.engine.begin() as connection:
                await add_server(connection, server)
                kind, places = StaffActionKind.SERVER_ADDED, server.capacity
                await write_down(connection, request, kind, server.name, capacity=places)
        except ValidationError as error:
            wrong = dict.fromkeys(str(FIELDS[str(problem["loc"][0])]) for problem in error.errors())
            return _refused(request, cannot(" ".join(wrong)))
        except RefusedError as error:
            return _refused(request, refusal(error))
        return go_to(request, "/servers", _("The server is added. Orders that wait for a place go on."))

    @route("/{name}/state", methods=["POST"], name="server-state")
    @needs(StaffRole.OPERATOR)
    async def move(self, request: Request) -> Response:
        """Drain one, or let it take projects again."""
        name = request.path_params["name"]
        is_draining = (await all_typed(request)).get("state") == ServerState.DRAINING
        state = ServerState.DRAINING if is_draining else ServerState.ACTIVE
        try:
            async with self.desk.database.engine.begin() as connection:
                await move_server(connection, name, state)
                await write_down(connection, request, StaffActionKind.SERVER_MOVED, name, state=state.value)
        except RefusedError as error:
            return _refused(request, refusal(error))
        said = _("The server takes no new projects now.") if is_draining else _("The server takes new projects again.")
        return go_to(request, "/servers", said)

    @route("/{name}/remove", methods=["POST"], name="server-remove")
    @needs(StaffRole.OPERATOR)
    async def remove(self, request: Request) -> Response:
        """Remove one that holds no project."""
        name = request.path_params["name"]
        try:
            async with self.desk.database.engine.begin() as connection:
                await remove_server(connection, name)
                await write_down(connection, request, StaffActionKind.SERVER_REMOVED, name)
        except RefusedError as error:
            return _refused(request, refusal(error))
        return go_to(request, "/servers", _("The server is removed. Nothing was changed at Coolify."))


def _refused(request: Request, said: str) -> Response:
    return go_to(request, "/servers", said, category="error")
