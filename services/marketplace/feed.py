"""What happens to projects, told to everybody who follows: one query for all of them, twice a second."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from sqlalchemy import text

from services.marketplace.api.answers import LogEntry
from shared.database import Database
from shared.messaging.trouble import DATABASE_ERRORS, reason_of
from shared.models import ProvisioningState

LOOK_EVERY = 0.5
LONGEST = 600.0
"""Seconds: a stream then ends, so that a key that was revoked is noticed when its user comes back."""

MOST = 200
"""Entries of a project in one look. The rows of a project are written under its lock: in the order of their ids."""

log = structlog.get_logger(__name__)

_NEWS = text(f"""
    SELECT w.project_id AS of_project, p.provisioning_state AS state, l.*
    FROM unnest(CAST(:projects AS uuid[]), CAST(:afters AS bigint[])) AS w (project_id, after)
    JOIN projects p ON p.vrs_id = w.project_id
    LEFT JOIN LATERAL (
        SELECT {", ".join(LogEntry.model_fields)} FROM provisioning_log
        WHERE project_id = w.project_id AND id > w.after ORDER BY id LIMIT {MOST}
    ) l ON true
    ORDER BY l.id
""")  # noqa: S608 - names of ours


@dataclass(frozen=True, slots=True)
class News:
    """A new log entry, or the state that the project has now."""

    entry: LogEntry | None = None
    state: ProvisioningState | None = None


@dataclass(eq=False, slots=True)
class _Follower:
    project_id: UUID
    after: int
    state: ProvisioningState | None = None
    news: asyncio.Queue[News] = field(default_factory=asyncio.Queue)

    def take(self, entries: list[LogEntry], state: ProvisioningState) -> None:
        for entry in entries:
            if entry.id > self.after:
                self.after = entry.id
                self.news.put_nowait(News(entry=entry))
        if state is not self.state:
            self.state = state
            self.news.put_nowait(News(state=state))


class Feed:
    """Looks as long as somebody follows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers: set[_Follower] = set()
        self._looking: asyncio.Task[None] | None = None

    async def follow(self, project_id: UUID, after: int) -> AsyncIterator[News]:
        """Yield the project's log entries beyond `after` and its states, as they come, for ten minutes."""
        follower = _Follower(project_id, after)
        self._followers.add(follower)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="feed")
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST):
                    while True:
                        yield await follower.news.get()
        finally:
            self._followers.discard(follower)

    async def _look(self) -> None:
        while self._followers:
            # Whoever has not read yet what was found is left out: a slow reader must not fill our memory.
            ready = [follower for follower in self._followers if follower.news.empty()]
            if ready:
                try:
                    await self._tell(ready)
                except DATABASE_ERRORS as error:
                    log.warning("nobody is told what happens", problem=reason_of(error))
            await asyncio.sleep(LOOK_EVERY)

    async def _tell(self, ready: list[_Follower]) -> None:
        afters: dict[UUID, int] = {}
        for follower in ready:
            afters[follower.project_id] = min(follower.after, afters.get(follower.project_id, follower.after))
        entries: dict[UUID, list[LogEntry]] = defaultdict(list)
        states: dict[UUID, ProvisioningState] = {}
        asked = {"projects": list(afters), "afters": list(afters.values())}
        async with self._database.autocommit.begin() as connection:
            for row in await connection.execute(_NEWS, asked):
                if row.state is not None:
                    states[row.of_project] = ProvisioningState(row.state)
                if row.id is not None:
                    entries[row.of_project].append(LogEntry.model_validate(row._asdict()))
        for follower in ready:
            if (state := states.get(follower.project_id)) is not None:
                follower.take(entries[follower.project_id], state)
