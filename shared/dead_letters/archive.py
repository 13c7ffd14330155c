"""Discarding: a letter is kept in the archive and taken out of its queue; restoring brings it back as it was.

The step stays dead in the waiting room: discarding says that nobody needs to look at it, not that it was done.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import DeskActionKind
from shared.database import Database
from shared.dead_letters import audit
from shared.dead_letters.audit import Operator
from shared.dead_letters.letter import Key, Letter, read_letter
from shared.dead_letters.queues import holding
from shared.dead_letters.room import Kept, read_bodies, read_room
from shared.dead_letters.send import Sender, headers_of, to_the_dead
from shared.dead_letters.view import Agreement, Choose, DeadLetter, joined
from shared.models import LetterOutcome

_KEEP = text("""
    INSERT INTO dead_letter_archive (consumer, event_id, death, project_id, body, headers, action_id, copy_id, changes)
    VALUES (:consumer, :event_id, :death, :project_id, :body, :headers, :action_id, :copy_id, :changes)
    ON CONFLICT (consumer, event_id, death) WHERE restored_at IS NULL DO NOTHING
""").bindparams(bindparam("headers", type_=JSONB))

_ARCHIVED = text("""
    SELECT a.consumer, a.event_id, a.death, a.project_id, a.body, a.headers, a.copy_id, a.changes, a.archived_at,
           d.by, d.reason, p.slug
    FROM dead_letter_archive a
    LEFT JOIN desk_actions d ON d.id = a.action_id
    LEFT JOIN projects p ON p.vrs_id = a.project_id
    WHERE a.restored_at IS NULL
    ORDER BY a.archived_at, a.id
""")

_RESTORED = text("""
    UPDATE dead_letter_archive SET restored_at = clock_timestamp()
    WHERE consumer = :consumer AND event_id = :event_id AND death = :death AND restored_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class Archived:
    """A letter that was taken out: by whom, why, and which copy replaced it with which changes."""

    letter: DeadLetter
    by: str | None
    reason: str | None
    copy_id: UUID | None
    changes: str | None
    at: datetime


async def discard(database: Database, amqp_url: str, choose: Choose, operator: Operator) -> Sequence[DeadLetter]:
    """Take what `choose` picks out of the queues and keep it; return it. Doing it again finishes what was killed.

    Raises:
        BrokerAwayError: nothing was taken out that is not in the archive.

    """
    async with holding(amqp_url) as held:
        async with database.autocommit.begin() as connection:
            view = await joined(database, await read_room(connection), held)
        chosen = [letter for letter in choose(view) if letter.agreement is not Agreement.UNKNOWN]
        if not chosen:
            return []
        async with database.engine.begin() as connection:
            action = await audit.begin(connection, DeskActionKind.DISCARD, operator, {"letters": len(chosen)})
            events = await audit.about(connection, action, chosen)
            kept = await read_bodies(connection, [letter.key for letter in chosen if not letter.letters])
            for letter in chosen:
                await keep(connection, letter, action.id, kept)
            await audit.record_outcomes(connection, action, {letter.key: LetterOutcome.KEPT for letter in chosen})
        for letter in chosen:
            await held.remove(letter.letters)
        action.confirmed += await Sender(held.connection).send(events)
        async with database.engine.begin() as connection:
            await audit.end(connection, action)
    return chosen


async def keep(
    connection: AsyncConnection,
    letter: DeadLetter,
    action_id: UUID,
    kept: Mapping[Key, Kept],
    *,
    copy_id: UUID | None = None,
    changes: str | None = None,
) -> None:
    """Put a letter's newest message into the archive; one that is there already stays as it is."""
    if letter.letters:
        first = letter.letters[0]
        body, headers = first.body, {**first.sendable, "message-id": first.message_id}
    elif letter.key in kept:
        body, headers = kept[letter.key].body, headers_of(letter, kept[letter.key])
    else:
        return
    await connection.execute(
        _KEEP,
        {
            "consumer": letter.consumer,
            "event_id": letter.event_id,
            "death": letter.deaths,
            "project_id": letter.project_id,
            "body": body,
            "headers": json.loads(json.dumps(headers, default=str)),
            "action_id": action_id,
            "copy_id": copy_id,
            "changes": changes,
        },
    )


async def archived(database: Database) -> list[Archived]:
    """Read what was taken out and not brought back, the oldest first."""
    async with database.autocommit.begin() as connection:
        rows = (await connection.execute(_ARCHIVED)).all()
    found = []
    for row in rows:
        letter = read_letter(
            queue=f"{row.consumer.partition('.')[0]}.dead",
            tag=0,
            routing_key=row.consumer,
            message_id=row.headers.pop("message-id", None),
            headers=row.headers,
            body=bytes(row.body),
        )
        dead = DeadLetter(
            consumer=row.consumer,
            event_id=row.event_id,
            project_id=row.project_id,
            slug=row.slug,
            code=letter.code,
            reason=letter.reason,
            deaths=row.death,
            attempts=letter.attempts,
            died_at=letter.died_at,
            opened_at=None,
            agreement=Agreement.ARCHIVED,
            letters=(letter,),
        )
        found.append(Archived(dead, row.by, row.reason, row.copy_id, row.changes, row.archived_at))
    return found


async def restore(database: Database, amqp_url: str, wanted: Sequence[Archived], operator: Operator) -> None:
    """Bring letters back into their queues, as they were.

    Raises:
        BrokerAwayError: they are still in the archive.

    """
    async with holding(amqp_url, bodies=False) as held:
        lying = {(letter.consumer, letter.event_id, letter.death) for letter in held.letters}
        letters = [each.letter for each in wanted]
        async with database.engine.begin() as connection:
            action = await audit.begin(connection, DeskActionKind.RESTORE, operator, {"letters": len(letters)})
            events = await audit.about(connection, action, letters)
        sender = Sender(held.connection)
        back = [to_the_dead(_as_it_was(each)) for each in wanted if not _lies(each.letter, lying)]
        await sender.send(back)
        async with database.engine.begin() as connection:
            for letter in letters:
                names = {"consumer": letter.consumer, "event_id": letter.event_id, "death": letter.deaths}
                await connection.execute(_RESTORED, names)
            await audit.record_outcomes(connection, action, {letter.key: LetterOutcome.KEPT for letter in letters})
        action.confirmed += await sender.send(events)
        async with database.engine.begin() as connection:
            await audit.end(connection, action)


def _lies(letter: DeadLetter, lying: set[tuple[str, UUID, int]]) -> bool:
    return (*letter.key, letter.deaths) in lying


def _as_it_was(each: Archived) -> Letter:
    return replace(each.letter.letters[0], consumer=each.letter.consumer)
