"""Where a preview link leads: it is counted, then to the project."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import RedirectResponse
from sqlalchemy import func, insert, or_, select, update

from services.marketplace.api.previews import OVER, hashed
from services.marketplace.dependencies import Db
from services.marketplace.problems import Problem
from shared.models import PreviewAccess, PreviewUse, Project, ProjectOrder

router = APIRouter(tags=["previews"])

_WORKS = (
    PreviewAccess.expires_at > func.now(),
    PreviewAccess.revoked_at.is_(None),
    or_(PreviewAccess.uses_left.is_(None), PreviewAccess.uses_left > 0),
)


@router.get("/preview/{token}", response_class=RedirectResponse, status_code=HTTPStatus.SEE_OTHER, responses={404: {}})
async def preview(database: Db, token: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]) -> RedirectResponse:
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
        if not access or not found:
            raise Problem(HTTPStatus.NOT_FOUND, "this link is unknown, has ended or was used up")
        use = insert(PreviewUse).values(preview_id=access.id, project_id=access.project_id)
        await connection.execute(use)
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
    return RedirectResponse(f"https://{found}/", HTTPStatus.SEE_OTHER, headers)
