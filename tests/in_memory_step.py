"""A step for calling a handler with neither broker nor database: it keeps what the handler records."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import inspect

from shared.models import Table
from shared.step import ProjectFacts, Row
from shared.writes import Delete, Upsert, Write


class InMemoryStep:
    """Implements `shared.step.Step`. `decide` answers writes of a service's own kind; `tables` is what was recorded.

    Give the `tables` of one step to the next to play a second try of the same project.
    """

    def __init__(
        self,
        *,
        project_id: UUID | None = None,
        project: ProjectFacts | None = None,
        tables: dict[tuple[Any, ...], Table] | None = None,
        decide: Callable[[Write], Any] = lambda _: None,
        attempt: int = 1,
    ) -> None:
        self.event_id = uuid4()
        self.project_id = project_id or uuid4()
        self.correlation_id = uuid4()
        self.attempt = attempt
        self.opened_at = datetime.now(UTC)
        self.said_at = datetime.now(UTC)
        self.project = project
        self.tables = {} if tables is None else tables
        self.decide = decide
        self.records = 0

    async def record(self, *writes: Write) -> Sequence[Any]:
        self.records += 1
        return [self.apply(write) for write in writes]

    def apply(self, write: Write) -> Any:
        """Apply one write, also one of an outcome that a handler returned."""
        match write:
            case Upsert(row=row):
                self.tables[self._key(row)] = row
            case Delete(row=row):
                self.tables.pop(self._key(row), None)
            case _:
                return self.decide(write)
        return None

    async def rows(self, model: type[Row]) -> list[Row]:
        found = [row for row in self.tables.values() if isinstance(row, model)]
        return [row for row in found if getattr(row, "project_id", None) == self.project_id]

    @staticmethod
    def _key(row: Table) -> tuple[Any, ...]:
        keys = inspect(type(row)).primary_key
        return (type(row).__tablename__, *(getattr(row, key.name) for key in keys))
