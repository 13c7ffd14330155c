"""An edited copy of a dead letter takes the place of its original: the first thing that a try of the copy does.

A copy has an id of its own; its header `SUPERSEDES` names the original, which must never run again, or never beside it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import ServiceName
from shared.models import LogStatus
from shared.models.log import SETTLED

SUPERSEDES = "vrs-supersedes"
"""AMQP header of an edited copy: the id of the event that it replaces for this consumer."""

_REMEMBER = text("""
    UPDATE open_steps s SET supersedes = d.original
    FROM unnest(CAST(:copies AS uuid[]), CAST(:originals AS uuid[])) AS d (copy, original)
    WHERE s.consumer = :consumer AND s.event_id = d.copy
""")

# Stands in for an original that was never seen: a claim of it at this very moment is waited for, or waits for us.
_STAND_IN = text("""
    INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at)
    SELECT :consumer, d.original, d.project_id, ''::bytea, 'dead', 0, nextval('step_tokens'), clock_timestamp()
    FROM unnest(CAST(:originals AS uuid[]), CAST(:project_ids AS uuid[])) AS d (original, project_id)
    ORDER BY d.original
    ON CONFLICT (consumer, event_id) DO NOTHING
""")

_FOUND = text(f"""
    SELECT d.original, s.state = 'running' AS running, l.status, l.detail ->> 'copy' AS copy
    FROM unnest(CAST(:originals AS uuid[])) AS d (original)
    LEFT JOIN open_steps s ON s.consumer = :consumer AND s.event_id = d.original
    LEFT JOIN provisioning_log l ON l.consumer = :consumer AND l.event_id = d.original AND l.{SETTLED}
""")  # noqa: S608 - a constant of ours

_LOCK = text("""
    SELECT event_id FROM open_steps WHERE consumer = :consumer AND event_id = ANY(CAST(:originals AS uuid[]))
    ORDER BY event_id FOR UPDATE
""")

_REMOVE = text("""
    DELETE FROM open_steps
    WHERE consumer = :consumer AND event_id = ANY(CAST(:originals AS uuid[])) AND state <> 'running'
""")

_WRITE_DOWN = text("""
    INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, causation_id,
                                  message, detail, started_at, duration_ms)
    SELECT d.project_id, :service, :consumer, split_part(:consumer, '.', 2), 'superseded', 0, d.original, d.copy,
           'superseded by an edited copy', CAST(d.detail AS jsonb), clock_timestamp(), 0
    FROM unnest(CAST(:project_ids AS uuid[]), CAST(:originals AS uuid[]), CAST(:copies AS uuid[]),
                CAST(:details AS text[])) AS d (project_id, original, copy, detail)
""")


class Place(Enum):
    """What a copy finds where its original was."""

    TAKEN = auto()  # the original is superseded by this copy, now or by an earlier try
    OCCUPIED = auto()  # the original runs: ask again
    REFUSED = auto()  # the original is completed, cancelled, or superseded by another copy


async def remember(connection: AsyncConnection, consumer: str, copies: Sequence[tuple[UUID, UUID]]) -> None:
    """Note of each claimed (copy, original) what it replaces. In the claim's transaction."""
    ids, originals = map(list, zip(*copies, strict=True))
    await connection.execute(_REMEMBER, {"consumer": consumer, "copies": ids, "originals": originals})


@dataclass(frozen=True, slots=True)
class TakePlace:
    """A `Write` of the kernel, under the project's lock: supersede the original, unless it runs or is settled.

    Its result is a `Place`.
    """

    rank: ClassVar[int] = 0
    service: ServiceName
    consumer: str
    original: UUID
    copy: UUID

    @property
    def kind(self) -> object:
        """All copies of one consumer go together."""
        return f"take place {self.consumer}"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Lock the originals' rows, then look in a statement of its own: one may have ended meanwhile."""
        first = batch[0][1]
        names = {"consumer": first.consumer, "originals": [write.original for _, write in batch]}
        project_ids = [project_id for project_id, _ in batch]
        await connection.execute(_STAND_IN, {**names, "project_ids": project_ids})
        await connection.execute(_LOCK, names)
        found = {row.original: row for row in await connection.execute(_FOUND, names)}
        taking: dict[UUID, tuple[UUID, Self]] = {}
        places = []
        for project_id, write in batch:
            row = found[write.original]
            if row.status == LogStatus.SUPERSEDED and row.copy == str(write.copy):
                places.append(Place.TAKEN)
            elif row.status or write.original in taking:
                places.append(Place.REFUSED)
            elif row.running:
                places.append(Place.OCCUPIED)
            else:
                taking[write.original] = (project_id, write)
                places.append(Place.TAKEN)
        await connection.execute(_REMOVE, names)  # of a settled original only its stand-in is there
        if taking:
            details = [json.dumps({"copy": str(write.copy)}) for _, write in taking.values()]
            await connection.execute(
                _WRITE_DOWN,
                {
                    "service": first.service.value,
                    "consumer": first.consumer,
                    "project_ids": [project_id for project_id, _ in taking.values()],
                    "originals": list(taking),
                    "copies": [write.copy for _, write in taking.values()],
                    "details": details,
                },
            )
        return places
