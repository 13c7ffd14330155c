"""Removes a customer's contact from everywhere but the vendors: rows, log, archive, and the letters in the queues.

The database's part is a function of its own (``vrs_forget``, migration 0034), because the log is append-only for every
service and the desk's tables are none of theirs: whoever forgets may call it and needs no right to what it reads. What
to look for in the letters it is told by another one, ``vrs_contact_of``.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.dead_letters.letter import Letter, envelope
from shared.dead_letters.queues import Held
from shared.grants import Call

FORGET = Call("vrs_forget(uuid, text, text)")
CONTACT = Call("vrs_contact_of(uuid)")

_FORGET = text("SELECT vrs_forget(:project_id, :by, :reason)")
_CONTACT = text("SELECT told, addresses FROM vrs_contact_of(:project_id)")

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
    told, addresses = (await connection.execute(_CONTACT, {"project_id": project_id})).one()
    contact = _Contact(project_id, told, addresses)
    try:
        counts = await connection.scalar(_FORGET, {"project_id": project_id, "by": by, "reason": reason})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == NOT_OVER:
            raise UnderWayError(str(project_id)) from error
        raise
    return counts or {}, [letter for letter in held.letters if contact.is_in(letter)]


@dataclass(frozen=True, slots=True)
class _Contact:
    """What stands for the customer: `words` in what machines write, `addresses` where a project is not named."""

    project_id: UUID
    words: Sequence[str]
    addresses: Sequence[str]

    def is_in(self, letter: Letter) -> bool:
        """Whether it holds the contact. Of one that names no project an address, or the id, says whose it is."""
        if letter.project_id is None:
            marks = (*self.addresses, str(self.project_id))
            return any(mark.encode() in letter.body for mark in marks)
        if letter.project_id != self.project_id:
            return False
        event = envelope(letter.body)
        data = event.get("data")
        return not isinstance(data, dict) or "customer" in data or self._is_told(event, letter.headers)

    def _is_told(self, *told: dict[str, Any]) -> bool:
        """Whether a word stands by itself in one of their strings, however JSON writes it."""
        written = json.dumps(told, ensure_ascii=False, default=str)
        quoted = [re.escape(json.dumps(word, ensure_ascii=False)[1:-1]) for word in self.words]
        return any(re.search(rf"(?<!\w){word}(?!\w)", written) for word in quoted)
