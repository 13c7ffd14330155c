"""A project's end."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StrictBool

from contracts import ProjectCancelled, Text
from services.marketplace.api.answers import CancellationAnswer, PartAnswer
from services.marketplace.api.projects import ProjectId, known_project
from services.marketplace.audit import record, subject_of
from services.marketplace.dependencies import Db, MayOrder, MayRead
from services.marketplace.problems import Problem
from shared.cancelling import cancel, mark_of, parts_of
from shared.database import Database
from shared.models import StaffActionKind
from shared.transaction import begin

router = APIRouter(prefix="/api/v1/projects/{project_id}/cancellation", tags=["cancellation"])


class CancellationRequest(BaseModel):
    """Why a project is cancelled. Its data (volumes) are kept unless `keep_volumes` is false."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "ordered twice", "keep_volumes": True}]}
    )

    reason: Text
    keep_volumes: StrictBool = True


@router.post("", status_code=HTTPStatus.ACCEPTED, responses={404: {}})
async def cancel_project(
    caller: MayOrder, database: Db, project_id: ProjectId, request: CancellationRequest
) -> CancellationAnswer:
    """Cancel a project, wherever it stands: each service undoes exactly what it did. There is no way back.

    From this answer on nothing more is begun for the project. Cancelling again does no harm: a service that had given
    up tries again.
    """
    project = await known_project(database, project_id)
    wish = ProjectCancelled(reason=request.reason, requested_by=caller.name, keep_volumes=request.keep_volumes)
    async with begin(database) as transaction:
        await cancel(transaction, project_id, wish)
        await record(
            transaction.connection,
            caller,
            StaffActionKind.CANCELLED,
            subject_of(project),
            project_id=project_id,
            reason=request.reason,
            keep_volumes=request.keep_volumes,
        )
    return await _cancellation(database, project_id)


@router.get("", responses={404: {}})
async def get_cancellation(_: MayRead, database: Db, project_id: ProjectId) -> CancellationAnswer:
    """Tell how far a cancelled project is undone."""
    await known_project(database, project_id)
    return await _cancellation(database, project_id)


async def _cancellation(database: Database, project_id: UUID) -> CancellationAnswer:
    mark = await mark_of(database.engine, project_id)
    if mark is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"project {project_id} is not cancelled")
    parts = [
        PartAnswer(service=part.service, state=part.state, told=part.told)
        for part in await parts_of(database.engine, project_id)
    ]
    return CancellationAnswer(
        since=mark.since, requested_by=mark.requested_by, reason=mark.reason, done=mark.done, parts=parts
    )
