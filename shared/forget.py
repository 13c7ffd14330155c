"""Removes a customer's contact from everywhere but the vendors: rows, log, archive, and the letters in the queues.

The database's part is one function of its own (``vrs_forget``, migration 0020), because the log is append-only for
every service and the desk's tables are none of theirs: whoever forgets may call it and needs no right to what it reads.
"""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.dead_letters.letter import Letter, envelope
from shared.dead_letters.queues import Held
from shared.grants import Call

FORGET = Call("vrs_forget(uuid, text, text)")

_FORGET = text("SELECT vrs_forget(:project_id, :by, :reason)")
_EMAIL = text("SELECT customer_email FROM project_orders WHERE project_id = :project_id")

NOT_OVER = "55000"
"""SQLSTATE object_not_in_prerequisite_state."""


class UnderWayError(Exception):
    """The project is not over: somebody may yet have to tell its customer."""


async def forget(
    connection: AsyncConnection, held: Held, project_id: UUID, *, by: str, reason: str
) -> tuple[dict[str, int], list[Letter]]:
    """Remove the contact in the caller's transaction, and log that; doing it again changes nothing.

    Returns the number of rows by table, and those of the letters in hand that hold the contact: remove them before
    the commit, so that a crash in between leaves something to be done again.

    Raises:
        UnderWayError: it is not cancelled, or steps or messages of it are open.

    """
    email = await connection.scalar(_EMAIL, {"project_id": project_id})
    try:
        counts = await connection.scalar(_FORGET, {"project_id": project_id, "by": by, "reason": reason})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == NOT_OVER:
            raise UnderWayError(str(project_id)) from error
        raise
    letters = [letter for letter in held.letters if _tells(letter, project_id, (email or "").encode())]
    return counts or {}, letters


def _tells(letter: Letter, project_id: UUID, email: bytes) -> bool:
    """Whether it holds the contact. Of a letter that cannot be read the address alone says whose it is."""
    if letter.project_id == project_id:
        data = envelope(letter.body).get("data")
        return not isinstance(data, dict) or "customer" in data
    return bool(email) and email in letter.body
