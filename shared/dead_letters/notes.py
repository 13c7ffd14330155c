"""Notes on dead letters and groups, and who is on them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.dead_letters.selection import group_id
from shared.dead_letters.view import DeadLetter
from shared.models import DeadLetterNote


@dataclass(frozen=True, slots=True)
class Note:
    """What stands there. `owner` is who is on it; `since` when it was last changed, UTC."""

    note: str | None
    owner: str | None
    since: datetime

    def __str__(self) -> str:
        on_it = [f"{self.owner} is on it"] if self.owner else []
        return "; ".join([*on_it, *([self.note] if self.note else [])])


def subject_of(letter: DeadLetter) -> str:
    """The name under which a letter's own note is kept; a group's is its id."""
    return f"{letter.consumer}/{letter.event_id}"


async def read_notes(connection: AsyncConnection) -> dict[str, Note]:
    """Read every note, by subject."""
    table = DeadLetterNote
    rows = await connection.execute(select(table.subject, table.note, table.owner, table.since))
    return {row.subject: Note(row.note, row.owner, row.since) for row in rows}


def note_of(letter: DeadLetter, notes: Mapping[str, Note]) -> Note | None:
    """The letter's own note, else its group's."""
    return notes.get(subject_of(letter)) or notes.get(group_id(letter))


async def write_note(connection: AsyncConnection, subjects: Iterable[str], text: str | None) -> None:
    """Note `text`; it replaces what was noted before, None takes it away."""
    await _write(connection, subjects, {"note": text})


async def take(connection: AsyncConnection, subjects: Iterable[str], owner: str | None) -> None:
    """Say that `owner` is on it, None: nobody any more."""
    await _write(connection, subjects, {"owner": owner})


async def _write(connection: AsyncConnection, subjects: Iterable[str], values: dict[str, str | None]) -> None:
    for subject in sorted(subjects):
        statement = insert(DeadLetterNote).values({"subject": subject, **values})
        changed = {**values, "since": func.now()}
        await connection.execute(statement.on_conflict_do_update(index_elements=["subject"], set_=changed))
