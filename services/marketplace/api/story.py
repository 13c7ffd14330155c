"""A project's story: what was done for it, as pages and live."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.marketplace.api.answers import LOG_ENTRY, LogPage
from services.marketplace.api.projects import ProjectId, known_project
from services.marketplace.dependencies import Db, MayRead
from services.marketplace.feed import Feed
from services.marketplace.projects import read_log

router = APIRouter(prefix="/api/v1/projects/{project_id}", tags=["story"])

LAST_ID = 2**63 - 1
After = Annotated[int, Query(ge=0, le=LAST_ID, description="Only entries with a greater id.")]
_STREAM = f"id: 4711\nevent: log\ndata: {LOG_ENTRY}\n\nevent: state\ndata: dns_configured\n\n".replace("'", '"')


@router.get("/log", responses={404: {}})
async def project_log(
    _: MayRead, database: Db, project_id: ProjectId, after: After = 0, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> LogPage:
    """Tell a project's story, a page at a time."""
    await known_project(database, project_id)
    async with database.autocommit.begin() as connection:
        found = await read_log(connection, project_id, after=after, limit=limit + 1)
    entries = found[:limit]
    return LogPage(entries=entries, next=entries[-1].id if len(found) > limit else None)


@router.get(
    "/events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "example": _STREAM}}}, 404: {}},
)
async def project_events(
    _: MayRead,
    database: Db,
    request: Request,
    project_id: ProjectId,
    after: After = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=LAST_ID)] = None,
) -> EventSourceResponse:
    """Follow a project's story as server-sent events: `log` (a log entry) and `state` (where the project stands).

    Begins after the entry `after`, or after the one of the `Last-Event-ID` header, which browsers send by themselves
    when they come back. The stream ends after ten minutes: come back then, too.
    """
    await known_project(database, project_id)
    feed: Feed = request.app.state.feed
    following = feed.follow(project_id, after if last_event_id is None else last_event_id)

    async def events() -> AsyncIterator[ServerSentEvent]:
        async for news in following:
            if news.state is not None:
                yield ServerSentEvent(news.state.value, event="state")
            if news.entry is not None:
                yield ServerSentEvent(news.entry.model_dump_json(), event="log", id=str(news.entry.id))

    return EventSourceResponse(events(), ping=15)
