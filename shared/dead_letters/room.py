"""What the waiting room, the log and the archive know of dead steps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.dead_letters.letter import Key
from shared.models import StepState
from shared.models.log import SETTLED

# A death moves `due_at` to its own moment, so that needs no look into the log.
_DEAD = text("""
    SELECT s.consumer, s.event_id, s.project_id, s.reason, s.deaths, s.attempt, s.due_at, s.created_at, p.slug, l.code
    FROM open_steps s
    LEFT JOIN projects p ON p.vrs_id = s.project_id
    LEFT JOIN LATERAL (
        SELECT detail ->> 'code' AS code FROM provisioning_log
        WHERE project_id = s.project_id AND consumer = s.consumer AND event_id = s.event_id AND status = 'dead'
        ORDER BY id DESC LIMIT 1
    ) l ON s.project_id IS NOT NULL
    WHERE s.state = 'dead'
    ORDER BY s.due_at, s.event_id
""")

_STANDING = text(f"""
    SELECT d.consumer, d.event_id, s.state, s.deaths, l.status AS settled, l.at AS settled_at,
           c.project_id IS NOT NULL AS cancelled, p.slug, p.provisioning_state
    FROM unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[]), CAST(:project_ids AS uuid[]))
         AS d (consumer, event_id, project_id)
    LEFT JOIN open_steps s ON s.consumer = d.consumer AND s.event_id = d.event_id
    LEFT JOIN provisioning_log l ON l.consumer = d.consumer AND l.event_id = d.event_id AND l.{SETTLED}
    LEFT JOIN cancellations c ON c.project_id = d.project_id
    LEFT JOIN projects p ON p.vrs_id = d.project_id
""")  # noqa: S608 - a constant of ours

_DISCARDED = text("SELECT consumer, event_id, death FROM dead_letter_archive WHERE restored_at IS NULL")

_BODIES = text("""
    SELECT s.consumer, s.event_id, s.body, s.deaths, s.supersedes
    FROM unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[])) AS d (consumer, event_id)
    JOIN open_steps s ON s.consumer = d.consumer AND s.event_id = d.event_id
    WHERE s.state = 'dead'
""")


@dataclass(frozen=True, slots=True)
class DeadRow:
    """A dead step of the waiting room. Times are UTC."""

    consumer: str
    event_id: UUID
    project_id: UUID | None
    slug: str | None
    code: str
    reason: str
    deaths: int
    attempts: int
    died_at: datetime
    opened_at: datetime

    @property
    def key(self) -> Key:
        """Names the step."""
        return self.consumer, self.event_id


class Settled(StrEnum):
    """How the log settled an event: it will never be handled again."""

    COMPLETED = "completed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a step stands now. `state` is None if the waiting room does not have it."""

    state: StepState | None
    deaths: int
    settled: Settled | None
    settled_at: datetime | None
    cancelled: bool
    slug: str | None
    project_state: str | None


@dataclass(frozen=True, slots=True)
class Room:
    """All dead rows, and the letters (consumer, event id, death) that were discarded or replaced by a copy."""

    rows: dict[Key, DeadRow]
    archived: frozenset[tuple[str, UUID, int]]


async def read_room(connection: AsyncConnection) -> Room:
    """Read every dead step, in the order of death."""
    rows = (await connection.execute(_DEAD)).all()
    archived = frozenset((row.consumer, row.event_id, row.death) for row in await connection.execute(_DISCARDED))
    return Room(
        {
            (row.consumer, row.event_id): DeadRow(
                consumer=row.consumer,
                event_id=row.event_id,
                project_id=row.project_id,
                slug=row.slug,
                code=row.code or _code_of_refusal(row.reason),
                reason=row.reason or "",
                deaths=row.deaths,
                attempts=row.attempt,
                died_at=row.due_at,
                opened_at=row.created_at,
            )
            for row in rows
        },
        archived,
    )


async def read_standings(
    connection: AsyncConnection, steps: Sequence[tuple[str, UUID, UUID | None]]
) -> dict[Key, Standing]:
    """Read how these steps (consumer, event id, project id) stand; one for each."""
    if not steps:
        return {}
    consumers, event_ids, project_ids = map(list, zip(*steps, strict=True))
    rows = await connection.execute(
        _STANDING, {"consumers": consumers, "event_ids": event_ids, "project_ids": project_ids}
    )
    return {
        (row.consumer, row.event_id): Standing(
            state=StepState(row.state) if row.state else None,
            deaths=row.deaths or 0,
            settled=Settled(row.settled) if row.settled else None,
            settled_at=row.settled_at,
            cancelled=row.cancelled,
            slug=row.slug,
            project_state=row.provisioning_state,
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class Kept:
    """What the waiting room kept of a dead step's message. `supersedes`: it is an edited copy of that event."""

    body: bytes
    deaths: int
    supersedes: UUID | None


async def read_bodies(connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, Kept]:
    """Read the bytes of dead steps; one that is not dead (any more) is left out."""
    wanted = list(keys)
    if not wanted:
        return {}
    consumers, event_ids = map(list, zip(*wanted, strict=True))
    rows = await connection.execute(_BODIES, {"consumers": consumers, "event_ids": event_ids})
    return {(row.consumer, row.event_id): Kept(bytes(row.body), row.deaths, row.supersedes) for row in rows}


def _code_of_refusal(reason: str | None) -> str:
    """The code of a message that names no project: its log row has no index to be found by."""
    kind = (reason or "").partition(":")[0]
    return f"contract_{kind}" if kind and kind.replace("_", "").isalnum() else ""
