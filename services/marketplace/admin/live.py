"""A project's page, live: what happens is told as server-sent events, already in the reader's language."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette_admin.i18n import set_locale

from services.marketplace.admin.shown import when
from services.marketplace.admin.sign_in import COOKIE
from services.marketplace.admin.story import told
from services.marketplace.dependencies import Db
from services.marketplace.feed import Feed
from services.marketplace.problems import Problem
from shared.staff import find_staff

router = APIRouter(include_in_schema=False)

Id = Annotated[int, Query(ge=0, le=2**63 - 1)]


@router.get("/admin/projects/{project_id}/live")
async def live(
    request: Request,
    database: Db,
    project_id: UUID,
    after: Id = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=2**63 - 1)] = None,
) -> EventSourceResponse:
    """Follow a project. Past the frame: its middlewares would hold each open stream several times."""
    token = request.cookies.get(f"__Host-{COOKIE}") or request.cookies.get(COOKIE)
    async with database.autocommit.begin() as connection:
        staff = await find_staff(connection, token) if token else None
    if staff is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "sign in first")
    feed: Feed = request.app.state.feed
    following = feed.follow(project_id, after if last_event_id is None else last_event_id)
    language = "en" if request.cookies.get("language") == "en" else "de"

    async def events() -> AsyncIterator[ServerSentEvent]:
        set_locale(language)
        async for news in following:
            if news.state is not None:
                yield ServerSentEvent(news.state.value, event="state")
            if news.entry is not None:
                line = told(news.entry)
                data = {
                    "text": line.text,
                    "tone": line.tone,
                    "at": when(line.at),
                    "technical": line.technical,
                    "plugins": "health" in news.entry.detail,
                }
                yield ServerSentEvent(json.dumps(data, ensure_ascii=False), event="log", id=str(line.id))

    return EventSourceResponse(events(), ping=15, headers={"Cache-Control": "no-store"})
