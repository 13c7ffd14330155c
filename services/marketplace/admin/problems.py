"""Failed orders of one cause: what a new try would do, and trying all of them again, few at first."""

import asyncio
from http import HTTPStatus

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _

from services.marketplace.admin.failures import failure_of
from services.marketplace.admin.page import Desk, Page, go_to, needs, operator, staff_of, typed, write_down
from shared.dead_letters.audit import Operator, history
from shared.dead_letters.explain import explain
from shared.dead_letters.notes import read_notes, take, write_note
from shared.dead_letters.queues import BrokerAwayError
from shared.dead_letters.replay import Plan, replay
from shared.dead_letters.room import read_bodies, read_room, read_standings
from shared.dead_letters.selection import Group, group_id, groups
from shared.dead_letters.view import DeadLetter, of_room
from shared.messaging.trouble import DATABASE_ERRORS, reason_of
from shared.models import StaffActionKind, StaffRole

PREVIEWED = 5
SHOWN = 100
FOLLOWED = 30.0
"""Seconds for which each stage of a replay is followed."""

log = structlog.get_logger(__name__)


class OrderProblems(Page):
    """The failed steps of one group."""

    path = "/problems/{group}"
    add_to_menu = False

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.under_way: set[asyncio.Task[None]] = set()

    @route("", name="problem")
    async def index(self, request: Request) -> Response:
        """Show the orders, and what a new try of the first ones would do."""
        group = await self._group(request)
        letters = group.letters[:PREVIEWED]
        async with self.desk.database.autocommit.begin() as connection:
            bodies = await read_bodies(connection, [letter.key for letter in letters])
            steps = [(*letter.key, letter.project_id) for letter in letters]
            standings = await read_standings(connection, steps)
            notes = await read_notes(connection)
        previews = [
            (
                letter,
                await explain(
                    self.desk.database,
                    consumer=letter.consumer,
                    body=bodies[letter.key].body,
                    standing=standings[letter.key],
                    letter_death=letter.deaths,
                ),
            )
            for letter in letters
            if letter.key in bodies
        ]
        return self.render(
            request,
            "problem.html",
            group=group,
            letters=group.letters[:SHOWN],
            failure=failure_of(group.code),
            previews=previews,
            note=notes.get(group.id),
            done=await history(self.desk.database, group.letters[0].key, most=10),
        )

    @route("/replay", methods=["POST"], name="problem-replay")
    @needs(StaffRole.OPERATOR)
    async def replay_all(self, request: Request) -> Response:
        """Begin to try all of them again: one first, then more; it stops by itself if they fail again."""
        group, reason = await self._group(request), await typed(request, "reason")
        async with self.desk.database.engine.begin() as connection:
            count = len(group.letters)
            await write_down(
                connection,
                request,
                StaffActionKind.REPLAYED,
                f"{group.consumer} {group.code}",
                reason=reason,
                count=count,
            )
        task = asyncio.create_task(self._replay(group.id, operator(request, reason)), name=f"replay {group.id}")
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        return go_to(
            request, f"/problems/{group.id}", _("The first is being tried again; more follow if it goes well.")
        )

    @route("/note", methods=["POST"], name="problem-note")
    async def note(self, request: Request) -> Response:
        """Note something of the group, and who is on it."""
        group = await self._group(request)
        text = await typed(request, "text")
        async with self.desk.database.engine.begin() as connection:
            await write_note(connection, [group.id], text or None)
            await take(connection, [group.id], staff_of(request).name)
            await write_down(connection, request, StaffActionKind.NOTED, f"{group.consumer} {group.code}")
        return go_to(request, f"/problems/{group.id}", _("The note is kept."))

    async def _group(self, request: Request) -> Group:
        async with self.desk.database.autocommit.begin() as connection:
            found = groups(of_room(await read_room(connection)))
        wanted = request.path_params["group"]
        group = next((group for group in found if group.id == wanted), None)
        if group is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return group

    async def _replay(self, wanted: str, who: Operator) -> None:
        def choose(letters: list[DeadLetter]) -> list[DeadLetter]:
            return [letter for letter in letters if group_id(letter) == wanted]

        plan = Plan(canary=True, wait=FOLLOWED)
        try:
            await replay(self.desk.database, self.desk.amqp_url, lambda view: choose(view.letters), who, plan)
        except (BrokerAwayError, *DATABASE_ERRORS) as error:
            log.warning("a replay has ended early", group=wanted, problem=reason_of(error))
