"""Mail under a project's own domain."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from contracts import MailDomainRequested
from services.marketplace.api.answers import Answer
from services.marketplace.api.projects import ProjectId
from services.marketplace.audit import record
from services.marketplace.dependencies import Db, MayOrder
from shared.hosts import as_stored
from shared.mail_domains import request_mail
from shared.models import StaffActionKind
from shared.transaction import begin

router = APIRouter(prefix="/api/v1/projects/{project_id}/mail-domains", tags=["mail"])


class MailDomainRequest(BaseModel):
    """The domain under which mail is to be sent; with `mx` mail to it is taken, too."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"domain": "goldberg.example", "mx": False}]}
    )

    domain: Annotated[str, Field(max_length=253), AfterValidator(as_stored)]
    mx: StrictBool = False


class MailDomainAnswer(Answer):
    """What was asked for; the project's story tells how it goes on."""

    domain: str
    """As it is stored: A-labels."""
    mx: bool
    event_id: UUID
    """The id of the MailDomainRequested that says so."""


@router.post("", status_code=HTTPStatus.ACCEPTED, responses={404: {}, 409: {}})
async def request_mail_domain(
    caller: MayOrder, database: Db, project_id: ProjectId, request: MailDomainRequest
) -> MailDomainAnswer:
    """Have mail sent under a domain of the project: DKIM, SPF and DMARC are set, or its owner is asked to set them.

    Asking again does no harm, and changes `mx`.
    """
    wish = MailDomainRequested(domain=request.domain, mx=request.mx, requested_by=caller.name)
    async with begin(database) as transaction:
        event_id, _ = await request_mail(transaction, project_id, wish)
        kind = StaffActionKind.MAIL_DOMAIN_ASKED
        await record(transaction.connection, caller, kind, request.domain, project_id=project_id, mx=request.mx)
    return MailDomainAnswer(domain=request.domain, mx=request.mx, event_id=event_id)
