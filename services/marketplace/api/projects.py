"""Projects: ordered, found, looked at."""

import base64
import binascii
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Header, Path, Query, Request, Response

from services.marketplace.api.answers import ProjectAnswer, ProjectPage
from services.marketplace.audit import record, subject_of
from services.marketplace.dependencies import Configured, Db, MayOrder, MayRead
from services.marketplace.ordering import take_order
from services.marketplace.problems import Problem
from services.marketplace.projects import Wanted, read_project, read_projects
from shared.database import Database
from shared.models import ProvisioningState, StaffActionKind
from shared.orders import OrderRequest
from shared.transaction import begin

router = APIRouter(prefix="/api/v1/projects", tags=["projects"])

ProjectId = Annotated[UUID, Path(description="The project's id.")]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{8,128}$",
        description="8 to 128 printable ASCII characters of the caller's, new for each order: best a UUID.",
        examples=["5b7e0f0a-3a67-4d58-9b0f-0b6b1a7b3d11"],
    ),
]
Words = Annotated[
    str | None,
    Query(max_length=253, pattern=r"^[^\x00-\x1f\x7f]+$", description="A part of slug or of a domain, or a whole id."),
]
_ORDERS = {
    "subdomain": {
        "summary": "Under one of our base domains",
        "value": {
            "name": "Bäckerei Sommer",
            "base_domain": "vrs.example",
            "plan": "starter",
            "plugins": [{"name": "crm", "version": "2.4.1"}],
            "customer": {"name": "Erika Sommer", "email": "erika@sommer.example"},
        },
    },
    "own domain": {
        "summary": "Under a domain of the customer's",
        "value": {
            "slug": "goldberg",
            "own_domain": "goldberg.example",
            "plan": "business",
            "customer": {"name": "Jan Goldberg", "email": "jan@goldberg.example"},
            "locale": "en",
        },
    },
}


@router.post("", status_code=HTTPStatus.CREATED, responses={409: {}})
async def order_project(
    caller: MayOrder,
    database: Db,
    settings: Configured,
    key: IdempotencyKey,
    order: Annotated[OrderRequest, Body(openapi_examples=_ORDERS)],
    request: Request,
    response: Response,
) -> ProjectAnswer:
    """Order a project: it is known, has its name, and its event is on its way, all or nothing.

    The same Idempotency-Key with the same body gives the same answer and orders nothing; with another body it is a 409.
    """
    due = timedelta(seconds=settings.dns_due)
    async with begin(database) as transaction:
        ordered = await take_order(transaction, caller, key, order, due=due)
        if ordered.is_new:
            kind, subject = StaffActionKind.ORDERED, subject_of(ordered.project)
            await record(transaction.connection, caller, kind, subject, project_id=ordered.project.id)
    response.headers["Location"] = f"{router.prefix}/{ordered.project.id}"
    if not ordered.is_new:
        response.headers["Idempotency-Replayed"] = "true"
    return _with_link(ordered.project, settings, request)


@router.get("")
async def list_projects(
    _: MayRead,
    database: Db,
    state: Annotated[list[ProvisioningState], Query(description="Only these; repeat it for several.")] = [],  # noqa: B006 - FastAPI copies it
    words: Annotated[Words, Query(alias="q")] = None,
    cursor: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ProjectPage:
    """List and search projects, the newest first."""
    before = _read_cursor(cursor) if cursor is not None else None
    wanted = Wanted(states=state, words=words, before=before, limit=limit + 1)
    async with database.autocommit.begin() as connection:
        found = await read_projects(connection, wanted)
    page = found[:limit]
    return ProjectPage(projects=page, next=_cursor(page[-1].id) if len(found) > limit else None)


@router.get("/{project_id}", responses={404: {}})
async def get_project(
    _: MayRead, database: Db, settings: Configured, request: Request, project_id: ProjectId
) -> ProjectAnswer:
    """Tell where a project stands and what it waits for."""
    return _with_link(await known_project(database, project_id), settings, request)


async def known_project(database: Database, project_id: UUID) -> ProjectAnswer:
    """Read a project.

    Raises:
        Problem: 404.

    """
    async with database.autocommit.begin() as connection:
        project = await read_project(connection, project_id)
    if project is None:
        remedy = "GET /api/v1/projects lists them."
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no project {project_id}", remedy=remedy)
    return project


def _with_link(project: ProjectAnswer, settings: Configured, request: Request) -> ProjectAnswer:
    links = settings.status_links(str(request.base_url))
    return project.model_copy(update={"status_url": links.link(project.id)}) if links else project


def _cursor(project_id: UUID) -> str:
    return base64.urlsafe_b64encode(project_id.bytes).rstrip(b"=").decode()


def _read_cursor(cursor: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(f"{cursor}==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "cursor: this is not what `next` of a page says",
            remedy="Leave it out to begin anew.",
        ) from error
