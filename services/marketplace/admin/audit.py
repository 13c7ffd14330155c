"""The audit log: who changed what, when and why."""

from contextlib import suppress

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import lazy_gettext as _

from services.marketplace.admin.page import Page
from shared.models import StaffAction, StaffRole

PAGE = 50


class Audit(Page):
    """Every change, the newest first."""

    menu_label = _("Changes")
    icon = "audit"
    path = "/changes"
    role = StaffRole.OPERATOR

    @route("", name="changes")
    async def index(self, request: Request) -> Response:
        """List a page of it."""
        statement = select(StaffAction.__table__).order_by(StaffAction.id.desc()).limit(PAGE + 1)
        with suppress(ValueError):
            statement = statement.where(StaffAction.id < int(request.query_params.get("before", "")))
        async with self.desk.database.autocommit.begin() as connection:
            found = (await connection.execute(statement)).all()
        following = found[PAGE - 1].id if len(found) > PAGE else None
        return self.render(request, "changes.html", actions=found[:PAGE], following=following)
