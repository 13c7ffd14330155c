"""A project's page, and what one can do there."""

from http import HTTPStatus

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import get_locale
from starlette_admin.i18n import gettext as _

from contracts import ProjectCancelled
from services.marketplace.admin.facts import ProjectFacts, read_facts
from services.marketplace.admin.failures import failure_of
from services.marketplace.admin.moves import MOVES
from services.marketplace.admin.page import LONGEST_TEXT, Desk, Page, go_to, project_id_of, staff_of, typed, write_down
from services.marketplace.admin.previews import HOURS
from services.marketplace.admin.story import is_undo
from services.marketplace.admin.way import Usual, expected, way
from services.marketplace.api.answers import OpenStepAnswer, ProjectAnswer
from services.marketplace.audit import subject_of
from services.marketplace.projects import read_project
from services.marketplace.retrying import retry
from shared.cancelling import cancel, parts_of
from shared.dead_letters.notes import take
from shared.dead_letters.queues import BrokerAwayError
from shared.models import ProjectNote, ProjectOwner, ProvisioningState, StaffActionKind, StepState
from shared.transaction import begin

OVER = (ProvisioningState.CANCELLING, ProvisioningState.CANCELLED)


class ProjectPage(Page):
    """One project."""

    path = "/projects/{project_id:uuid}"
    add_to_menu = False

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.usual = Usual(desk.database)

    @route("", name="project")
    async def index(self, request: Request) -> Response:
        """Show it."""
        facts = await self._facts(request)
        usual = await self.usual.read()
        steps = way(facts.project, facts.completed, usual)
        dead = [step for step in facts.project.waiting if step.state is StepState.DEAD]
        parts = await parts_of(self.desk.database.engine, facts.project.id) if facts.cancellation else []
        links = self.desk.settings.status_links(f"{request.url.scheme}://{request.url.netloc}")
        return self.render(
            request,
            "project.html",
            facts=facts,
            project=facts.project,
            steps=steps,
            eta=expected(steps),
            dead=dead,
            failure=failure_of(facts.code) if dead else None,
            waiting=_waiting(facts),
            parts=parts,
            is_over=facts.project.state in OVER,
            preview_times=HOURS,
            domains=facts.domains,
            hold=None if facts.project.state in OVER else facts.hold,
            language=get_locale(),
            customers_page=links.link(facts.project.id) if links else None,
        )

    @route("/cancel", name="project-cancel")
    async def ask_cancel(self, request: Request) -> Response:
        """Tell what a cancellation undoes, and ask."""
        facts = await self._facts(request)
        undone = [consumer for consumer in facts.completed if not is_undo(consumer)]
        return self.render(request, "cancel.html", facts=facts, project=facts.project, completed=undone)

    @route("/cancel", methods=["POST"], name="project-cancelled")
    async def cancel(self, request: Request) -> Response:
        """Cancel it: each service undoes exactly what it did."""
        project = await self._project(request)
        reason = await typed(request, "reason")
        if not reason:
            return go_to(request, f"/projects/{project.id}/cancel", _("Please say why."), category="error")
        keeps = await typed(request, "data") != "delete"
        wish = ProjectCancelled(reason=reason, requested_by=staff_of(request).name, keep_volumes=keeps)
        async with begin(self.desk.database) as transaction:
            await cancel(transaction, project.id, wish)
            await write_down(
                transaction.connection,
                request,
                StaffActionKind.CANCELLED,
                subject_of(project),
                project_id=project.id,
                reason=reason,
                keep_volumes=keeps,
            )
        return go_to(request, f"/projects/{project.id}", _("The project is being cancelled."))

    @route("/retry", methods=["POST"], name="project-retry")
    async def retry(self, request: Request) -> Response:
        """Send its failed steps back to their services."""
        project = await self._project(request)
        reason = await typed(request, "reason")
        try:
            report = await retry(self.desk.database, self.desk.amqp_url, project, staff_of(request).name, reason)
        except BrokerAwayError:
            said = _("RabbitMQ does not answer now. Nothing was done: please try again in a minute.")
            return go_to(request, f"/projects/{project.id}", said, category="error")
        if not report.outcomes:
            said = _("There is nothing to try again, or nobody takes it now. Please look again in a minute.")
            return go_to(request, f"/projects/{project.id}", said, category="error")
        return go_to(request, f"/projects/{project.id}", _("It is being tried again."))

    @route("/note", methods=["POST"], name="project-note")
    async def note(self, request: Request) -> Response:
        """Write a note."""
        project = await self._project(request)
        text = await typed(request, "text", longest=LONGEST_TEXT)
        if text:
            async with self.desk.database.engine.begin() as connection:
                row = {"project_id": project.id, "by": staff_of(request).name, "text": text}
                await connection.execute(insert(ProjectNote).values(row))
                await write_down(connection, request, StaffActionKind.NOTED, subject_of(project), project_id=project.id)
        return go_to(request, f"/projects/{project.id}", _("The note is kept.") if text else None)

    @route("/take", methods=["POST"], name="project-take")
    async def take(self, request: Request) -> Response:
        """Say that who is signed in takes care of it; the operators' desk sees it too."""
        project = await self._project(request)
        me = staff_of(request).name
        dead = [f"{step.consumer}/{step.event_id}" for step in project.waiting if step.state is StepState.DEAD]
        async with self.desk.database.engine.begin() as connection:
            mine = upsert(ProjectOwner).values(project_id=project.id, owner=me)
            await connection.execute(mine.on_conflict_do_update(index_elements=["project_id"], set_={"owner": me}))
            await take(connection, dead, me)
            await write_down(connection, request, StaffActionKind.TAKEN, subject_of(project), project_id=project.id)
        return go_to(request, f"/projects/{project.id}", _("You take care of this project."))

    async def _facts(self, request: Request) -> ProjectFacts:
        async with self.desk.database.autocommit.begin() as connection:
            facts = await read_facts(connection, project_id_of(request))
        if facts is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return facts

    async def _project(self, request: Request) -> ProjectAnswer:
        async with self.desk.database.autocommit.begin() as connection:
            project = await read_project(connection, project_id_of(request))
        if project is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return project


def _waiting(facts: ProjectFacts) -> list[OpenStepAnswer]:
    """What is told of as waiting: of an order that waits for its domain what that waits for; no failed move."""
    waiting = [step for step in facts.project.waiting if step.state is not StepState.DEAD]
    if any(move.waits_for_answer for move in facts.moves):
        waiting = [step for step in waiting if step.consumer != MOVES]
    return waiting[-1:] if facts.project.state is ProvisioningState.WAITING_FOR_DOMAIN else waiting
