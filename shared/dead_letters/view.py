"""The desk's view: dead steps of the waiting room joined with the letters in the queues, and where the two differ."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.database import Database
from shared.dead_letters.letter import Key, Letter, uuid_of
from shared.dead_letters.queues import BrokerAwayError, Held, holding
from shared.dead_letters.room import DeadRow, Room, Standing, read_room, read_standings
from shared.models import StepState

SHORT = 12
"""Characters from the end of an event id: of a UUIDv7 that is its random part."""


class Agreement(StrEnum):
    """Whether the waiting room and the queue say the same of a step."""

    AGREED = "agreed"
    NO_LETTER = "no letter"
    OPEN_AGAIN = "open again"
    SETTLED = "settled"
    ARCHIVED = "archived"
    UNCLAIMED = "unclaimed"
    UNKNOWN = "not compared"

    @property
    def meaning(self) -> str:
        """One line for people: what the difference is and what a replay does about it."""
        return _MEANINGS[self]


_MEANINGS = {
    Agreement.AGREED: "",
    Agreement.NO_LETTER: "no letter in the queue (its replay may wait for the service): a replay is made from the row",
    Agreement.OPEN_AGAIN: "a letter is left in the queue, but its step goes on: a replay only takes it away",
    Agreement.SETTLED: "a letter is left in the queue, but its event is settled: a replay only takes it away",
    Agreement.ARCHIVED: "a letter is left in the queue that was discarded: discard it again, or restore it",
    Agreement.UNCLAIMED: "in the queue only, the waiting room has never seen it: a replay hands it to its consumer",
    Agreement.UNKNOWN: "",
}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A step that died. `letters` are its messages in hand; the first of them is the one to replay.

    `died_at` and `opened_at` are UTC; None where nobody knows.
    """

    consumer: str
    event_id: UUID
    project_id: UUID | None
    slug: str | None
    code: str
    reason: str
    deaths: int
    attempts: int
    died_at: datetime | None
    opened_at: datetime | None
    agreement: Agreement
    letters: tuple[Letter, ...] = ()

    @property
    def key(self) -> Key:
        """Names the step."""
        return self.consumer, self.event_id

    @property
    def service(self) -> str:
        """Whose dead letter it is."""
        return self.consumer.partition(".")[0]

    @property
    def event(self) -> str:
        """The event's name as in the queue's: ``project-ordered``."""
        return self.consumer.partition(".")[2]

    @property
    def short(self) -> str:
        """The end of the event id, by which people name it."""
        return self.event_id.hex[-SHORT:]

    @property
    def waits(self) -> bool:
        """Whether the step is dead and waits for somebody: anything else is only a leftover in a queue."""
        return self.agreement in (Agreement.AGREED, Agreement.NO_LETTER, Agreement.UNCLAIMED, Agreement.UNKNOWN)

    @property
    def correlation_id(self) -> UUID | None:
        """The order's whole story, if a letter names it."""
        return next((uuid_of(letter.headers.get("correlation-id")) for letter in self.letters), None)

    def as_json(self) -> dict[str, Any]:
        """Everything but the bytes."""
        return {
            "id": self.short,
            "consumer": self.consumer,
            "event_id": str(self.event_id),
            "project_id": str(self.project_id) if self.project_id else None,
            "slug": self.slug,
            "code": self.code,
            "reason": self.reason,
            "deaths": self.deaths,
            "attempts": self.attempts,
            "died_at": self.died_at.isoformat() if self.died_at else None,
            "opened_at": self.opened_at.isoformat() if self.opened_at else None,
            "agreement": self.agreement.value,
            "difference": self.agreement.meaning or None,
            "message_ids": [letter.message_id for letter in self.letters],
        }


@dataclass(frozen=True, slots=True)
class View:
    """Every dead letter, the oldest death first, and what people must know about what is missing here."""

    letters: list[DeadLetter]
    notices: list[str] = field(default_factory=list)


Choose = Callable[[View], Sequence[DeadLetter]]
"""Picks from all dead letters those that an action is about."""


async def look(database: Database | None, amqp_url: str) -> View:
    """Read the waiting room and the queues; either may be away, which is then a notice.

    `database` None: only the queues are read. The letters' bodies are left out.

    Raises:
        BrokerAwayError: neither can be read.

    """

    async def queues() -> Held | BrokerAwayError:
        try:
            async with holding(amqp_url, bodies=False) as held:
                return held
        except BrokerAwayError as error:
            return error

    found, room = await asyncio.gather(queues(), _room(database) if database else _nothing())
    if isinstance(found, BrokerAwayError):
        if room is None:
            raise found
        notice = f"{found} does not answer; this is what the waiting room says, nothing is compared."
        return View(of_room(room), [notice])
    return await joined(database, room, found)


async def joined(database: Database | None, room: Room | None, held: Held) -> View:
    """Join what is held with the waiting room; without a database the letters alone."""
    by_key: dict[Key, list[Letter]] = defaultdict(list)
    for letter in held.letters:
        by_key[letter.key].append(letter)
    notices = [f"Another desk holds {', '.join(held.busy)}: what lies there is not compared."] if held.busy else []
    if room is None or database is None:
        alone = [of_letters(letters, Agreement.UNKNOWN) for letters in by_key.values()]
        return View(_in_order(alone), notices)
    found = [_of_row(row, _compare(row, by_key, held, room), by_key.get(row.key, ())) for row in room.rows.values()]
    left = [letters for key, letters in by_key.items() if key not in room.rows]
    async with database.autocommit.begin() as connection:
        standings = await read_standings(connection, [(*letters[0].key, letters[0].project_id) for letters in left])
    for letters in left:
        standing = standings[letters[0].key]
        found.append(of_letters(letters, _of_leftover(standing, letters, room), standing.slug))
    shown = [letter for letter in found if letter.letters or (*letter.key, letter.deaths) not in room.archived]
    return View(_in_order(shown), notices)


def of_room(room: Room) -> list[DeadLetter]:
    """Return the dead steps as the waiting room alone tells of them, the oldest death first."""
    return [_of_row(row, Agreement.UNKNOWN) for row in room.rows.values()]


def find(letters: Sequence[DeadLetter], wanted: str) -> list[DeadLetter]:
    """Find by what people have at hand; several letters may answer to a name.

    A name is the end of an event id (8 characters or more), the id of a letter, an event or a project, or a slug;
    ``dns:…`` looks among one service's letters only.
    """
    service, colon, rest = wanted.rpartition(":")
    name = rest.lower().strip()
    found = [letter for letter in letters if not colon or letter.service == service]
    compact = name.replace("-", "")
    with suppress(ValueError):
        wanted_id = UUID(compact)
        return [
            letter
            for letter in found
            if wanted_id in (letter.event_id, letter.project_id)
            or any(each.message_id == str(wanted_id) for each in letter.letters)
        ]
    by_end = len(compact) >= 8 and all(character in "0123456789abcdef" for character in compact)  # noqa: PLR2004
    return [letter for letter in found if letter.slug == name or (by_end and letter.event_id.hex.endswith(compact))]


def _compare(row: DeadRow, by_key: dict[Key, list[Letter]], held: Held, room: Room) -> Agreement:
    letters = by_key.get(row.key, [])
    if (*row.key, row.deaths) in room.archived:
        return Agreement.ARCHIVED
    if any(letter.death == row.deaths for letter in letters):
        return Agreement.AGREED
    if f"{row.consumer.partition('.')[0]}.dead" in held.busy:
        return Agreement.UNKNOWN
    return Agreement.NO_LETTER


def _of_leftover(standing: Standing, letters: Sequence[Letter], room: Room) -> Agreement:
    if standing.settled:
        return Agreement.SETTLED
    if standing.state is StepState.DEAD:  # it died between the two looks
        return Agreement.AGREED
    if standing.state is not None:
        return Agreement.OPEN_AGAIN
    if all((*letter.key, letter.death) in room.archived for letter in letters):
        return Agreement.ARCHIVED
    return Agreement.UNCLAIMED


def _of_row(row: DeadRow, agreement: Agreement, letters: Iterable[Letter] = ()) -> DeadLetter:
    return DeadLetter(
        consumer=row.consumer,
        event_id=row.event_id,
        project_id=row.project_id,
        slug=row.slug,
        code=row.code,
        reason=row.reason,
        deaths=row.deaths,
        attempts=row.attempts,
        died_at=row.died_at,
        opened_at=row.opened_at,
        agreement=agreement,
        letters=tuple(sorted(letters, key=lambda letter: letter.death != row.deaths)),
    )


def of_letters(letters: Sequence[Letter], agreement: Agreement, slug: str | None = None) -> DeadLetter:
    """One event's death as its letters alone tell it; the newest speaks."""
    newest = max(letters, key=lambda letter: letter.death)
    return DeadLetter(
        consumer=newest.consumer,
        event_id=newest.event_id,
        project_id=newest.project_id,
        slug=slug,
        code=newest.code,
        reason=newest.reason,
        deaths=newest.death,
        attempts=newest.attempts,
        died_at=newest.died_at,
        opened_at=None,
        agreement=agreement,
        letters=tuple(sorted(letters, key=lambda letter: -letter.death)),
    )


def _in_order(letters: list[DeadLetter]) -> list[DeadLetter]:
    return sorted(letters, key=lambda letter: (letter.died_at or datetime.min.replace(tzinfo=UTC), letter.event_id))


async def _room(database: Database) -> Room:
    async with database.autocommit.begin() as connection:
        return await read_room(connection)


async def _nothing() -> None:
    return None
