"""Where a preview link leads: it is counted, then to the project."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, insert, or_, select, update

from contracts import Locale
from services.marketplace.api.previews import OVER, hashed
from services.marketplace.dependencies import Db
from services.marketplace.problems import Problem
from services.marketplace.status.pages import locale_of, page
from shared.models import PreviewAccess, PreviewUse, Project, ProjectOrder

router = APIRouter(tags=["previews"])

_WORKS = (
    PreviewAccess.expires_at > func.now(),
    PreviewAccess.revoked_at.is_(None),
    or_(PreviewAccess.uses_left.is_(None), PreviewAccess.uses_left > 0),
)


@router.get("/preview/{token}", response_class=RedirectResponse, status_code=HTTPStatus.SEE_OTHER, responses={404: {}})
async def preview(request: Request, database: Db, token: str, lang: str = "") -> Response:
    """Use a preview link: it is counted and logged, and leads to the project's address."""
    used = (
        update(PreviewAccess)
        .where(PreviewAccess.token_hash == hashed(token), *_WORKS)
        .values(uses_left=PreviewAccess.uses_left - 1)
        .returning(PreviewAccess.id, PreviewAccess.project_id)
    )
    host = (
        select(ProjectOrder.fqdn)
        .join(Project, Project.vrs_id == ProjectOrder.project_id)
        .where(Project.provisioning_state.not_in(OVER))
    )
    async with database.engine.begin() as connection:
        access = (await connection.execute(used)).one_or_none()
        found = access and await connection.scalar(host.where(ProjectOrder.project_id == access.project_id))
        if access and found:
            use = insert(PreviewUse).values(preview_id=access.id, project_id=access.project_id)
            await connection.execute(use)
    if not access or not found:
        return _ended(request, lang)
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
    return RedirectResponse(f"https://{found}/", HTTPStatus.SEE_OTHER, headers)


def _ended(request: Request, lang: str) -> Response:
    """People get a page, programs a problem."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise Problem(HTTPStatus.NOT_FOUND, "this link is unknown, has ended or was used up")
    locale = locale_of(lang, request.headers.get("Accept-Language", ""), Locale.DE)
    return page("ended.html.j2", locale, HTTPStatus.NOT_FOUND)
