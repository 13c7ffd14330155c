"""What is wrong today with an added domain that is held elsewhere, written down beside what people wish of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import AddedDomain


@dataclass(frozen=True, slots=True)
class NoteFindings:
    """A `Write`: these findings, and so many reminders, unless something newer than `said_at` was heard of it."""

    domain: str
    said_at: datetime
    findings: list[Any]
    reminders: int
    rank: ClassVar[int] = 43

    @property
    def kind(self) -> object:
        """One batch."""
        return "note_findings"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[None]:
        """Note one after the other."""
        for project_id, note in batch:
            this = AddedDomain.project_id == project_id, AddedDomain.domain == note.domain
            row = update(AddedDomain).where(*this, AddedDomain.said_at <= note.said_at)
            await connection.execute(row.values(findings=note.findings, reminders=note.reminders))
        return [None] * len(batch)
