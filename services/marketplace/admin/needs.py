"""What needs somebody: failed and late projects, and failed steps by their cause."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import lazy_gettext as _

from services.marketplace.admin.failures import Failure, failure_of
from services.marketplace.admin.holds import Hold, newest_holds
from services.marketplace.admin.moves import newest_failed
from services.marketplace.admin.page import Page
from services.marketplace.admin.project import OVER
from services.marketplace.api.answers import ProjectAnswer
from services.marketplace.projects import Wanted, read_projects
from shared.dead_letters.notes import Note, note_of, read_notes
from shared.dead_letters.room import read_room
from shared.dead_letters.selection import Group, groups
from shared.dead_letters.view import DeadLetter, of_room
from shared.models import ProjectOwner, ProvisioningState

MOST = 50
"""Failed projects, and late ones, that are shown: the newest; the list of projects has all."""


@dataclass(frozen=True, slots=True)
class Need:
    """A project that needs somebody, why, since when, and who is on it."""

    project: ProjectAnswer
    failure: Failure | Hold | None
    since: datetime | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class Cause:
    """Failed steps of one kind and cause."""

    group: Group
    failure: Failure
    note: Note | None


class Needs(Page):
    """The page that opens first."""

    menu_label = _("What needs me")
    icon = "needs"
    path = "/"

    @route("", name="needs")
    async def index(self, request: Request) -> Response:
        """List what needs somebody, failures first."""
        now = datetime.now(UTC)
        async with self.desk.database.autocommit.begin() as connection:
            failed = await read_projects(connection, Wanted(states=[ProvisioningState.FAILED], limit=MOST))
            late = await read_projects(connection, Wanted(late_at=now, limit=MOST))
            holds = await newest_holds(connection, MOST)
            moves = await newest_failed(connection, MOST)
            asked = await read_projects(connection, Wanted(ids=[*holds, *moves], limit=2 * MOST))
            letters = of_room(await read_room(connection))
            notes = await read_notes(connection)
            ids = [project.id for project in (*failed, *asked, *late)]
            mine = select(ProjectOwner.project_id, ProjectOwner.owner).where(ProjectOwner.project_id.in_(ids))
            owners = {row.project_id: row.owner for row in await connection.execute(mine)}
        dead: dict[UUID | None, list[DeadLetter]] = defaultdict(list)
        for letter in letters:
            dead[letter.project_id].append(letter)
        return self.render(
            request,
            "needs.html",
            most=MOST,
            failed=[_need(project, dead[project.id], owners) for project in failed],
            held=[
                Need(
                    project,
                    holds.get(project.id) or moves[project.id].failure,
                    project.ordered_at,
                    owners.get(project.id),
                )
                for project in asked
                if project.state not in OVER
            ],
            late=[Need(project, None, project.late_at, owners.get(project.id)) for project in late],
            causes=[
                Cause(group, failure_of(group.code), note_of(group.letters[0], notes)) for group in groups(letters)
            ],
        )


def _need(project: ProjectAnswer, dead: list[DeadLetter], owners: dict[UUID, str]) -> Need:
    newest = dead[-1] if dead else None
    return Need(
        project,
        failure_of(newest.code if newest else ""),
        newest.died_at if newest else project.ordered_at,
        owners.get(project.id),
    )
