"""The audit log of changes that people and programs make: a row in the transaction of each change."""

from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketplace.api.answers import ProjectAnswer
from shared.api_keys import Caller
from shared.models import StaffAction, StaffActionKind


async def record(
    connection: AsyncConnection,
    by: str | Caller,
    kind: StaffActionKind,
    subject: str,
    *,
    project_id: UUID | None = None,
    reason: str | None = None,
    **detail: Any,
) -> None:
    """Write down what somebody does: a person by name, a program by its key. In the caller's transaction."""
    row = {
        "by": name_of(by),
        "kind": kind,
        "subject": subject,
        "project_id": project_id,
        "reason": reason or None,
        "detail": detail,
    }
    await connection.execute(insert(StaffAction).values(row))


def name_of(by: str | Caller) -> str:
    """Who did it: a person, or a program by its key."""
    return by if isinstance(by, str) else f"{by.name} (API)"


def subject_of(project: ProjectAnswer) -> str:
    """How the audit log names a project."""
    return project.host or project.slug or str(project.id)
