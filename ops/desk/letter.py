"""Everything that is known about one dead letter."""

from typing import Any

from ops.desk.tables import action_as_json
from ops.story import log_rows
from shared.database import Database
from shared.dead_letters.audit import history
from shared.dead_letters.explain import explain
from shared.dead_letters.letter import envelope
from shared.dead_letters.notes import note_of, read_notes
from shared.dead_letters.room import read_standings
from shared.dead_letters.view import DeadLetter


async def everything_about(database: Database | None, letter: DeadLetter, body: bytes) -> dict[str, Any]:
    """All that ``vrs dlq show`` shows; without a database what the letter says of itself."""
    found: dict[str, Any] = letter.as_json() | {
        "event": envelope(body) or None,
        "body": body.decode("utf-8", "backslashreplace"),
        "headers": dict(letter.letters[0].headers) if letter.letters else {},
        "would": [],
        "traceback": None,
        "story": [],
        "history": [],
        "note": None,
    }
    if database is None:
        return found
    found["would"] = await would(database, letter, body)
    rows = await log_rows(database.engine, [letter.project_id]) if letter.project_id else []
    found["story"] = [
        {"at": f"{row.at:%Y-%m-%d %H:%M:%S}", "service": row.service, "said": f"{row.status}: {row.message}"}
        for row in rows
    ]
    ours = [row for row in rows if (row.consumer, row.event_id) == letter.key and "traceback" in row.detail]
    found["traceback"] = ours[-1].detail["traceback"] if ours else None
    found["history"] = [action_as_json(action) for action in await history(database, letter.key)]
    async with database.autocommit.begin() as connection:
        note = note_of(letter, await read_notes(connection))
    found["note"] = str(note) if note else None
    return found


async def would(database: Database, letter: DeadLetter, body: bytes) -> list[str]:
    """What the consumer would do with it now."""
    async with database.autocommit.begin() as connection:
        standings = await read_standings(connection, [(*letter.key, letter.project_id)])
    standing = standings[letter.key]
    return await explain(database, consumer=letter.consumer, body=body, standing=standing, letter_death=letter.deaths)
