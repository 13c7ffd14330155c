"""One at a time: of a service's serial consumers, at most one try of a project runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_TAKE = text("""
    UPDATE open_steps s SET wake_key = 'turn'
    WHERE s.consumer = :consumer AND s.event_id = :event_id AND s.state = 'running'
      AND NOT EXISTS (
        SELECT FROM open_steps o
        WHERE o.project_id = :project_id AND o.consumer = ANY(CAST(:consumers AS text[])) AND o.state = 'running'
          AND o.wake_key = 'turn' AND (o.consumer, o.event_id) <> (s.consumer, s.event_id))
    RETURNING s.event_id
""")


@dataclass(frozen=True, slots=True)
class TakeTurn:
    """A `Write` of the kernel: the step has the turn among `consumers` until its try ends. Result: whether it has.

    A try whose process has died keeps it until somebody takes the step over, which then has it.
    """

    rank: ClassVar[int] = 0
    consumer: str
    event_id: UUID
    consumers: tuple[str, ...]

    @property
    def kind(self) -> object:
        """All of a group go together."""
        return "take turn"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Under the projects' locks: who asks second sees who was first."""
        return [
            (
                await connection.execute(
                    _TAKE,
                    {
                        "project_id": project_id,
                        "consumer": write.consumer,
                        "event_id": write.event_id,
                        "consumers": list(write.consumers),
                    },
                )
            ).scalar()
            is not None
            for project_id, write in batch
        ]
