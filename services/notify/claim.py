"""Who tells what a project is told once: the first of several events that want to, decided under the project's lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.models import Mail

_COLUMNS = tuple(column.name for column in Mail.__table__.columns)
_CLAIM = insert(Mail).on_conflict_do_nothing()
_OWNERS = select(Mail.message_id, Mail.event_id).where(Mail.message_id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class ClaimMail:
    """Writes down a mail for the event that is first to want it. Result: whether another event was first."""

    row: Mail
    rank: ClassVar[int] = 50

    @property
    def kind(self) -> object:
        """One batch."""
        return "claim_mail"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> list[bool]:
        """Insert what is new, then look whose it is."""
        rows = [{name: getattr(write.row, name) for name in _COLUMNS} for _, write in batch]
        await connection.execute(_CLAIM, rows)
        found = await connection.execute(_OWNERS, {"ids": [row["message_id"] for row in rows]})
        owners = {row.message_id: row.event_id for row in found}
        return [owners[row["message_id"]] != row["event_id"] for row in rows]
