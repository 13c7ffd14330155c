"""Serves the page, without a login."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from contracts import Locale, ServiceName
from services.marketplace.dependencies import Configured, Db
from services.marketplace.status import words
from services.marketplace.status.pages import locale_of, page
from services.marketplace.status.progress import STEPS, Progress, read_progress
from shared.database import Database
from shared.history import Durations, durations
from shared.models import ProvisioningState

USUAL_SECONDS = 60.0
"""How long it counts how long a step usually takes: nobody can make the database count by reloading."""

router = APIRouter(include_in_schema=False)


class Usual:
    """How long each step usually takes, looked up once a minute."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Mapping[ServiceName, Durations | None] = {}
        self._until = 0.0

    async def known(self) -> Mapping[ServiceName, Durations | None]:
        """Return it for every step."""
        if time.monotonic() >= self._until:
            async with self._database.autocommit.begin() as connection:
                self._known = {service: await durations(connection, consumer) for service, consumer in STEPS.items()}
            self._until = time.monotonic() + USUAL_SECONDS
        return self._known


def serve_status(app: FastAPI, database: Database) -> None:
    """Let `app` answer under ``/status``."""
    app.state.usual = Usual(database)
    app.mount("/status/static", StaticFiles(packages=[(__package__ or "", "static")]))
    app.include_router(router)


@router.get("/status/{token}")
async def status(request: Request, database: Db, settings: Configured, token: str, lang: str = "") -> HTMLResponse:
    """Show how far the project is that the link is for."""
    links = settings.status_links(str(request.base_url))
    project_id = links.project_of(token) if links else None
    progress = None
    if project_id is not None:
        usual = await request.app.state.usual.known()
        async with database.autocommit.begin() as connection:
            progress = await read_progress(connection, project_id, usual)
    asked = request.headers.get("Accept-Language", "")
    locale = locale_of(lang, asked, progress.locale if progress else Locale.DE)
    if progress is None:
        return page("unknown.html.j2", locale, HTTPStatus.NOT_FOUND)
    return page("status.html.j2", locale, HTTPStatus.OK, **_facts(progress, locale))


def _facts(progress: Progress, locale: Locale) -> dict[str, Any]:
    shown = words.STATES[locale]
    eta, now = progress.eta, progress.now
    return {
        "progress": progress,
        "heading": shown.get(progress.state, shown[ProvisioningState.ORDERED]),
        "names": words.STEPS[locale],
        "stages": words.STAGES[locale],
        "wrong": [getattr(each, locale) for each in progress.wrong],
        "trouble": getattr(progress.trouble, locale) if progress.trouble else None,
        "usually": words.duration(locale, eta.usually - now) if eta else None,
        "at_most": words.moment(locale, eta.at_most, now) if eta else None,
        "ordered_at": words.moment(locale, progress.ordered_at, now),
        "as_of": words.moment(locale, now, now),
        "total": len(STEPS) + 1,
        "is_over": progress.state
        in (ProvisioningState.LIVE, ProvisioningState.CANCELLING, ProvisioningState.CANCELLED),
    }
