"""What the operators' desk writes: who did what to which dead letter, what was taken out, who is on what."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from contracts import DeskActionKind
from shared.models.table import Table, enum_type


class LetterOutcome(StrEnum):
    """What became of a dead letter after an action. The first three are final for a replay."""

    LIVE = "live"  # the step is done and the project is live
    DONE = "done"  # the step is done, the project goes on
    DEAD_AGAIN = "dead again"
    RUNNING = "still running"
    NOTHING = "nothing to do"  # it was settled, or went on, before
    KEPT = "kept"  # taken out, brought back, noted: what the action says


class DeskAction(Table):
    """Something that an operator did. Owner: the desk. Without `ended_at` it was killed, or goes on right now."""

    __tablename__ = "desk_actions"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[DeskActionKind] = mapped_column(enum_type(DeskActionKind, "desk_action_kind"))
    by: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[dict[str, Any]]
    began_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_desk_actions_began_at", "began_at"),)


class DeskActionLetter(Table):
    """A dead letter that an action was about, and what became of it. Owner: the desk.

    It is written before the letter is touched: `outcome` null is a letter of which the desk could not say more.
    """

    __tablename__ = "desk_action_letters"
    action_id: Mapped[UUID] = mapped_column(ForeignKey("desk_actions.id", ondelete="CASCADE"), primary_key=True)
    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    death: Mapped[int]
    outcome: Mapped[LetterOutcome | None] = mapped_column(enum_type(LetterOutcome, "letter_outcome"))

    __table_args__ = (Index("ix_desk_action_letters_event_id", "event_id"),)


class ArchivedLetter(Table):
    """A dead letter that was discarded, or replaced by an edited copy. Owner: the desk.

    `copy_id` is the event that replaced it, `changes` the difference as people read it.
    """

    __tablename__ = "dead_letter_archive"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    consumer: Mapped[str]
    event_id: Mapped[UUID]
    death: Mapped[int]
    project_id: Mapped[UUID | None]
    body: Mapped[bytes]
    headers: Mapped[dict[str, Any]]
    action_id: Mapped[UUID]
    copy_id: Mapped[UUID | None]
    changes: Mapped[str | None]
    archived_at: Mapped[datetime] = mapped_column(server_default=func.now())
    restored_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_dead_letter_archive_kept",
            "consumer",
            "event_id",
            "death",
            unique=True,
            postgresql_where=text("restored_at IS NULL"),
        ),
    )


class DeadLetterNote(Table):
    """What was noted of a dead letter (``consumer/event id``) or of a group, and who is on it. Owner: the desk."""

    __tablename__ = "dead_letter_notes"
    subject: Mapped[str] = mapped_column(primary_key=True)
    note: Mapped[str | None]
    owner: Mapped[str | None]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
