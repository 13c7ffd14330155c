"""The domains of a project: added, removed and made primary on its page."""

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _

from services.marketplace.admin.page import Page, go_to, project_id_of, staff_of, typed, write_down
from services.marketplace.admin.refusals import cannot, refusal
from shared.domain_wishes import add_domain, change_primary, remove_domain
from shared.errors import RefusedError
from shared.hosts import as_stored
from shared.models import StaffActionKind
from shared.transaction import Transaction, begin


class ProjectDomains(Page):
    """What the forms of a project's domains do."""

    path = "/projects/{project_id:uuid}/domains"
    add_to_menu = False

    @route("", methods=["POST"], name="project-domain-add")
    async def index(self, request: Request) -> Response:
        """Add one."""
        primary = await typed(request, "primary") == "yes"

        async def act(transaction: Transaction, project_id: UUID, domain: str, by: str) -> None:
            await add_domain(transaction, project_id, domain, primary=primary, by=by)

        said = _("The domain is being set up. It works in a few minutes, or when the customer has set its records.")
        return await self._change(request, act, StaffActionKind.PROJECT_DOMAIN_ADDED, said)

    @route("/remove", methods=["POST"], name="project-domain-remove")
    async def remove(self, request: Request) -> Response:
        """Take one away."""

        async def act(transaction: Transaction, project_id: UUID, domain: str, by: str) -> None:
            await remove_domain(transaction, project_id, domain, by=by)

        said = _("The domain is being removed.")
        return await self._change(request, act, StaffActionKind.PROJECT_DOMAIN_REMOVED, said)

    @route("/primary", methods=["POST"], name="project-domain-primary")
    async def make_primary(self, request: Request) -> Response:
        """Let the others redirect to one."""

        async def act(transaction: Transaction, project_id: UUID, domain: str, by: str) -> None:
            await change_primary(transaction, project_id, domain, by=by)

        said = _("It becomes the primary domain: the others will lead to it.")
        return await self._change(request, act, StaffActionKind.PRIMARY_CHANGED, said)

    async def _change(self, request: Request, act: Any, kind: StaffActionKind, said: str) -> Response:
        """The change and its line in the audit log are one commit."""
        project_id = project_id_of(request)
        page = f"/projects/{project_id}"
        try:
            domain = as_stored(await typed(request, "domain"))
            async with begin(self.desk.database) as transaction:
                await act(transaction, project_id, domain, staff_of(request).name)
                await write_down(transaction.connection, request, kind, domain, project_id=project_id)
        except RefusedError as error:
            return go_to(request, page, refusal(error), category="error")
        except ValueError:
            why = _("This is no domain. A domain looks like example.org.")
            return go_to(request, page, cannot(why), category="error")
        return go_to(request, page, said)
