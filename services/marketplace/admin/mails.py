"""Mails of a project: sent once more on its page. notify sends them, this only says that somebody wishes it."""

from http import HTTPStatus

from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _

from contracts import CloudEvent, MailResendRequested, ServiceName
from services.marketplace.admin.page import Page, go_to, project_id_of, staff_of, typed, write_down
from shared.marketplace_outbox import put
from shared.models import StaffActionKind

_MAIL = text("""
    SELECT m.subject, coalesce(o.customer_email, '') AS address, o.fqdn, o.correlation_id
    FROM mails m LEFT JOIN project_orders o ON o.project_id = m.project_id
    WHERE m.project_id = :id AND m.message_id = :mail AND m.kind IS NOT NULL
""")


class Mails(Page):
    """What the buttons beside the mails of a project's page do."""

    path = "/projects/{project_id:uuid}/mails"
    add_to_menu = False

    @route("", methods=["POST"], name="mail-resend")
    async def index(self, request: Request) -> Response:
        """Have a mail to the customer sent once more."""
        project_id = project_id_of(request)
        message_id = await typed(request, "mail")
        reason = await typed(request, "reason")
        async with self.desk.database.engine.begin() as connection:
            mail = (await connection.execute(_MAIL, {"id": project_id, "mail": message_id})).one_or_none()
            if mail is None:
                raise HTTPException(HTTPStatus.NOT_FOUND)
            if not mail.address:
                said = _("The customer's address was removed: there is nobody to send it to.")
                return go_to(request, f"/projects/{project_id}", said, category="error")
            wish = CloudEvent.of(
                MailResendRequested(mail=message_id, requested_by=staff_of(request).name),
                source=ServiceName.MARKETPLACE.value,
                project_id=project_id,
                correlation_id=mail.correlation_id,
            )
            await put(connection, [wish])
            await write_down(
                connection,
                request,
                StaffActionKind.MAIL_RESENT,
                mail.fqdn,
                project_id=project_id,
                reason=reason,
                mail=mail.subject,
            )
        return go_to(request, f"/projects/{project_id}", _("The mail is being sent again."))
