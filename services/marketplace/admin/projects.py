"""The list of projects: filtered, searched, a page at a time, with saved searches."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import update
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from services.marketplace.admin.page import Page, go_to, staff_of, typed
from services.marketplace.projects import Wanted, read_projects
from shared.models import ProvisioningState, StaffUser

PAGE = 30
MOST_SEARCHES = 20
LONGEST_WORDS = 253

LATE = "late"
UNDER_WAY = "under-way"
GROUPS: dict[str, tuple[str, Sequence[ProvisioningState]]] = {
    "": (lazy_gettext("All"), ()),
    UNDER_WAY: (
        lazy_gettext("Under way"),
        (ProvisioningState.ORDERED, ProvisioningState.DNS_CONFIGURED, ProvisioningState.APP_DEPLOYED),
    ),
    "waiting": (
        lazy_gettext("Waiting"),
        (
            ProvisioningState.WAITING_FOR_CAPACITY,
            ProvisioningState.WAITING_FOR_CUSTOMER,
            ProvisioningState.WAITING_FOR_DOMAIN,
        ),
    ),
    LATE: (lazy_gettext("Late"), ()),
    "failed": (lazy_gettext("Need help"), (ProvisioningState.FAILED,)),
    "live": (lazy_gettext("Live"), (ProvisioningState.LIVE,)),
    "cancelled": (lazy_gettext("Cancelled"), (ProvisioningState.CANCELLING, ProvisioningState.CANCELLED)),
}
"""What one can filter by, and the states that are meant."""


class Projects(Page):
    """All projects."""

    menu_label = lazy_gettext("Projects")
    icon = "projects"
    path = "/projects"

    @route("", name="projects")
    async def index(self, request: Request) -> Response:
        """List them, the newest first."""
        query = request.query_params
        group = query.get("show", "") if query.get("show", "") in GROUPS else ""
        words = query.get("q", "").strip()[:LONGEST_WORDS].replace("\x00", "")
        wanted = Wanted(
            states=GROUPS[group][1],
            words=words or None,
            late_at=datetime.now(UTC) if group == LATE else None,
            before=_cursor(query.get("after")),
            limit=PAGE + 1,
        )
        async with self.desk.database.autocommit.begin() as connection:
            found = await read_projects(connection, wanted)
        kept: dict[str, Any] = {name: value for name, value in (("show", group), ("q", words)) if value}
        following = urlencode(kept | {"after": str(found[PAGE - 1].id)}) if len(found) > PAGE else None
        return self.render(
            request,
            "projects.html",
            projects=found[:PAGE],
            groups=GROUPS,
            group=group,
            words_typed=words,
            query=urlencode(kept),
            following=following,
            is_later=query.get("after") is not None,
        )

    @route("/searches", methods=["POST"], name="search-keep")
    async def keep_search(self, request: Request) -> Response:
        """Keep a search under a name; an empty name removes it."""
        query, name = await typed(request, "query"), await typed(request, "name", longest=40)
        kept = [search for search in staff_of(request).searches if search["query"] != query]
        if name:
            kept = [*kept, {"name": name, "query": query}][-MOST_SEARCHES:]
        mine = update(StaffUser).where(StaffUser.name == staff_of(request).name).values(searches=kept)
        async with self.desk.database.autocommit.begin() as connection:
            await connection.execute(mine)
        return go_to(request, f"/projects?{query}", _("The search is kept.") if name else _("The search is removed."))


def _cursor(given: str | None) -> UUID | None:
    with suppress(ValueError):
        return UUID(given) if given else None
    return None
