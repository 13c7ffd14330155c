"""Preview links of a project: made and ended on its page."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _

from services.marketplace.admin.page import Page, caller_of, go_to, typed, write_down
from services.marketplace.api.previews import PreviewRequest, create_preview, revoke_preview
from services.marketplace.problems import Problem
from shared.models import StaffActionKind

HOURS = 48.0


class Previews(Page):
    """What the buttons of a project's page do."""

    path = "/projects/{project_id:uuid}/previews"
    add_to_menu = False

    @route("", methods=["POST"], name="preview-make")
    async def index(self, request: Request) -> Response:
        """Make a link and show it, this once."""
        project_id: UUID = request.path_params["project_id"]
        outside = Request({**request.scope, "root_path": "", "app_root_path": ""})  # the link does not lie below /admin
        wanted = PreviewRequest(hours=HOURS)
        try:
            made = await create_preview(
                caller_of(request), self.desk.database, self.desk.settings, outside, project_id, wanted
            )
        except Problem as error:
            return go_to(request, f"/projects/{project_id}", str(error), category="error")
        await self._write_down(request, project_id, StaffActionKind.PREVIEW_MADE, made.id)
        said = _("The preview link, shown this once: %(link)s") % {"link": made.link}
        return go_to(request, f"/projects/{project_id}", said)

    @route("/end", methods=["POST"], name="preview-end")
    async def end(self, request: Request) -> Response:
        """End a link."""
        project_id: UUID = request.path_params["project_id"]
        given = await typed(request, "preview")
        number = int(given) if given.isdecimal() and len(given) < 19 else 0  # noqa: PLR2004 - digits of a bigint
        try:
            await revoke_preview(caller_of(request), self.desk.database, project_id, number)
        except Problem as error:
            return go_to(request, f"/projects/{project_id}", str(error), category="error")
        await self._write_down(request, project_id, StaffActionKind.PREVIEW_ENDED, number)
        return go_to(request, f"/projects/{project_id}", _("The preview link is ended."))

    async def _write_down(self, request: Request, project_id: UUID, kind: StaffActionKind, preview: int) -> None:
        async with self.desk.database.engine.begin() as connection:
            await write_down(connection, request, kind, str(project_id), project_id=project_id, preview=preview)
