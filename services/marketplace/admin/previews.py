"""Preview links of a project: made and ended on its page."""

from http import HTTPStatus

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from services.marketplace.admin.page import Page, go_to, project_id_of, staff_of, typed, write_down
from services.marketplace.api.answers import ProjectAnswer
from services.marketplace.api.previews import OVER, PreviewRequest, base_of, end_preview, make_preview
from services.marketplace.audit import subject_of
from services.marketplace.projects import read_project
from shared.models import StaffActionKind

HOURS = (
    (24, lazy_gettext("a day")),
    (48, lazy_gettext("two days")),
    (168, lazy_gettext("a week")),
    (720, lazy_gettext("30 days")),
)
"""For how long a link may work."""


class Previews(Page):
    """What the buttons of a project's page do."""

    path = "/projects/{project_id:uuid}/previews"
    add_to_menu = False

    @route("", methods=["POST"], name="preview-make")
    async def index(self, request: Request) -> Response:
        """Make a link and show it, this once."""
        project = await self._project(request)
        if project.state in OVER:
            said = _("The project is cancelled: there is nothing to look at.")
            return go_to(request, f"/projects/{project.id}", said, category="error")
        hours, uses = await typed(request, "hours"), await typed(request, "uses")
        try:
            wanted = PreviewRequest.model_validate({"hours": hours or 48, "uses": uses or None})
        except ValidationError:
            said = _("A link works for 90 days at most, and is opened once at least or as often as one likes.")
            return go_to(request, f"/projects/{project.id}", said, category="error")
        outside = Request({**request.scope, "root_path": "", "app_root_path": ""})  # the link does not lie below /admin
        base, who = base_of(self.desk.settings, outside), staff_of(request).name
        async with self.desk.database.engine.begin() as connection:
            made = await make_preview(connection, who, project.id, wanted, base)
            kind, subject = StaffActionKind.PREVIEW_MADE, subject_of(project)
            await write_down(connection, request, kind, subject, project_id=project.id, preview=made.id)
        said = _("The preview link, shown this once: %(link)s") % {"link": made.link}
        return go_to(request, f"/projects/{project.id}", said)

    @route("/end", methods=["POST"], name="preview-end")
    async def end(self, request: Request) -> Response:
        """End a link."""
        project = await self._project(request)
        given = await typed(request, "preview")
        number = int(given) if given.isdecimal() and len(given) < 19 else 0  # noqa: PLR2004 - digits of a bigint
        async with self.desk.database.engine.begin() as connection:
            if not await end_preview(connection, project.id, number):
                raise HTTPException(HTTPStatus.NOT_FOUND)
            kind, subject = StaffActionKind.PREVIEW_ENDED, subject_of(project)
            await write_down(connection, request, kind, subject, project_id=project.id, preview=number)
        return go_to(request, f"/projects/{project.id}", _("The preview link is ended."))

    async def _project(self, request: Request) -> ProjectAnswer:
        project_id = project_id_of(request)
        async with self.desk.database.autocommit.begin() as connection:
            project = await read_project(connection, project_id)
        if project is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return project
