"""The base domains, under which projects get a name."""

from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from services.marketplace.admin.page import Page, go_to, needs, typed, write_down
from services.marketplace.admin.refusals import cannot, refusal
from shared.base_domains import add_domain, domain_lines, remove_domain
from shared.errors import RefusedError
from shared.hosts import as_stored
from shared.models import StaffActionKind, StaffRole


class BaseDomains(Page):
    """All base domains."""

    menu_label = lazy_gettext("Base domains")
    icon = "domains"
    path = "/domains"

    @route("", name="domains")
    async def index(self, request: Request) -> Response:
        """List them."""
        return self.render(request, "domains.html", domains=await domain_lines(self.desk.database.engine))

    @route("", methods=["POST"], name="domain-add")
    @needs(StaffRole.ADMIN)
    async def add(self, request: Request) -> Response:
        """Offer one."""
        try:
            name = as_stored(await typed(request, "name"))
        except ValueError:
            return _refused(request, cannot(_("This is no domain. A domain looks like example.org.")))
        try:
            async with self.desk.database.engine.begin() as connection:
                if await add_domain(connection, name):
                    await write_down(connection, request, StaffActionKind.DOMAIN_ADDED, name)
        except RefusedError as error:
            return _refused(request, refusal(error))
        return go_to(request, "/domains", _("The base domain is offered now."))

    @route("/remove", methods=["POST"], name="domain-remove")
    @needs(StaffRole.ADMIN)
    async def remove(self, request: Request) -> Response:
        """Offer one no more."""
        name = await typed(request, "name")
        try:
            async with self.desk.database.engine.begin() as connection:
                await remove_domain(connection, name)
                await write_down(connection, request, StaffActionKind.DOMAIN_REMOVED, name)
        except RefusedError as error:
            return _refused(request, refusal(error))
        return go_to(request, "/domains", _("The base domain is offered no more."))


def _refused(request: Request, said: str) -> Response:
    return go_to(request, "/domains", said, category="error")
