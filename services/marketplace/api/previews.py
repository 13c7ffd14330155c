"""Preview links: a look at a project before it is public, limited in time and uses."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketplace.api.answers import Answer
from services.marketplace.api.projects import ProjectId, known_project
from services.marketplace.audit import record, subject_of
from services.marketplace.dependencies import Configured, Db, MayPreview
from services.marketplace.problems import Problem
from services.marketplace.settings import MarketplaceSettings
from shared.models import PreviewAccess, PreviewUse, ProvisioningState, StaffActionKind

router = APIRouter(prefix="/api/v1/projects/{project_id}/previews", tags=["previews"])

MOST_HOURS = 24 * 90
OVER = (ProvisioningState.CANCELLING, ProvisioningState.CANCELLED)

PreviewId = Annotated[int, Path(ge=1, le=2**63 - 1)]

_USES = select(func.count(), func.max(PreviewUse.at)).where(PreviewUse.preview_id == PreviewAccess.id).lateral("uses")
_LINES = select(
    PreviewAccess.id,
    PreviewAccess.created_at,
    PreviewAccess.created_by,
    PreviewAccess.expires_at,
    PreviewAccess.uses_left,
    PreviewAccess.revoked_at,
    _USES.c[0].label("uses"),
    _USES.c[1].label("last_used_at"),
).select_from(PreviewAccess.__table__.join(_USES, onclause=func.now().is_not(None)))


class PreviewRequest(BaseModel):
    """How long a preview link works, and how often; without `uses` as often as one likes."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"hours": 48, "uses": 20}]})

    hours: Annotated[float, Field(ge=0.1, le=MOST_HOURS)] = 48.0
    uses: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class PreviewAnswer(Answer):
    """A preview link as it stands; the link itself is told once, when it is made."""

    id: int
    created_at: datetime
    created_by: str
    """The name of the key that made it."""
    expires_at: datetime
    uses_left: int | None
    """Null: as often as one likes."""
    revoked_at: datetime | None
    uses: int
    last_used_at: datetime | None


class NewPreviewAnswer(PreviewAnswer):
    """A new preview link, with its address."""

    link: str
    """Whoever has it may look. It is not shown again."""


class PreviewList(Answer):
    """All preview links of a project, the newest first."""

    previews: list[PreviewAnswer]


@router.post("", status_code=HTTPStatus.CREATED, responses={404: {}, 409: {}})
async def create_preview(
    caller: MayPreview,
    database: Db,
    settings: Configured,
    request: Request,
    project_id: ProjectId,
    wanted: PreviewRequest,
) -> NewPreviewAnswer:
    """Make a preview link."""
    project = await known_project(database, project_id)
    if project.state in OVER:
        raise Problem(
            HTTPStatus.CONFLICT, f"project {project_id} is {project.state.value}: there is nothing to look at"
        )
    async with database.engine.begin() as connection:
        made = await make_preview(connection, caller.name, project_id, wanted, base_of(settings, request))
        kind, subject = StaffActionKind.PREVIEW_MADE, subject_of(project)
        await record(connection, caller, kind, subject, project_id=project_id, preview=made.id)
    return made


async def make_preview(
    connection: AsyncConnection, by: str, project_id: UUID, wanted: PreviewRequest, base: str
) -> NewPreviewAnswer:
    """Make a link below `base` in the caller's transaction."""
    token = secrets.token_urlsafe(32)
    row = {
        "project_id": project_id,
        "token_hash": hashed(token),
        "expires_at": datetime.now(UTC) + timedelta(hours=wanted.hours),
        "uses_left": wanted.uses,
        "created_by": by,
    }
    new = await connection.scalar(insert(PreviewAccess).values(row).returning(PreviewAccess.id))
    [line] = await connection.execute(_LINES.where(PreviewAccess.id == new))
    return NewPreviewAnswer(**line._asdict(), link=f"{base}/preview/{token}")


def base_of(settings: MarketplaceSettings, request: Request) -> str:
    """Where people reach this service, without a slash at the end."""
    return str(settings.marketplace_url or request.base_url).rstrip("/")


@router.get("", responses={404: {}})
async def list_previews(_: MayPreview, database: Db, project_id: ProjectId) -> PreviewList:
    """List a project's preview links and how often each was used."""
    await known_project(database, project_id)
    lines = _LINES.where(PreviewAccess.project_id == project_id).order_by(PreviewAccess.id.desc())
    async with database.autocommit.begin() as connection:
        found = [PreviewAnswer.model_validate(row._asdict()) for row in await connection.execute(lines)]
    return PreviewList(previews=found)


@router.delete("/{preview_id}", status_code=HTTPStatus.NO_CONTENT, responses={404: {}})
async def revoke_preview(caller: MayPreview, database: Db, project_id: ProjectId, preview_id: PreviewId) -> None:
    """End a preview link. Ending it again does no harm."""
    project = await known_project(database, project_id)
    async with database.engine.begin() as connection:
        if not await end_preview(connection, project_id, preview_id):
            raise Problem(HTTPStatus.NOT_FOUND, f"project {project_id} has no preview link {preview_id}")
        kind, subject = StaffActionKind.PREVIEW_ENDED, subject_of(project)
        await record(connection, caller, kind, subject, project_id=project_id, preview=preview_id)


async def end_preview(connection: AsyncConnection, project_id: UUID, preview_id: int) -> bool:
    """End a link in the caller's transaction; False if the project has none of that id."""
    mine = (PreviewAccess.id == preview_id) & (PreviewAccess.project_id == project_id)
    ended = update(PreviewAccess).where(mine).values(revoked_at=func.coalesce(PreviewAccess.revoked_at, func.now()))
    return bool((await connection.execute(ended)).rowcount)


def hashed(token: str) -> bytes:
    """All that is kept of a link's token: it has 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
