"""A failed order, corrected: its data as a form, what that would do, and sending it in the place of the original."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _

from services.marketplace.admin.failures import failure_of
from services.marketplace.admin.letter_form import Form
from services.marketplace.admin.page import Page, go_to, operator, staff_of, typed, write_down
from shared.dead_letters.audit import Beside
from shared.dead_letters.edit import Edited, EditError, data_of, edited, send_edited
from shared.dead_letters.explain import contract_of, explain
from shared.dead_letters.letter import Key
from shared.dead_letters.notes import note_of, read_notes, subject_of, take, write_note
from shared.dead_letters.queues import BrokerAwayError
from shared.dead_letters.room import read_bodies, read_room, read_standings
from shared.dead_letters.selection import group_id
from shared.dead_letters.view import DeadLetter, of_room
from shared.models import StaffActionKind, StaffRole


class Correction(Page):
    """One dead step of an order, and an edited copy of its event."""

    path = "/letters/{consumer}/{event_id:uuid}"
    add_to_menu = False
    role = StaffRole.OPERATOR

    @route("", name="letter")
    async def index(self, request: Request) -> Response:
        """Show what was ordered, to be corrected."""
        letter, body = await self._letter(request)
        return await self._show(request, letter, Form.of(letter.consumer, data_of(body)))

    @route("/preview", methods=["POST"], name="letter-preview")
    async def preview(self, request: Request) -> Response:
        """Say what is changed and what the consumer would do with it now. Nothing is sent."""
        letter, body = await self._letter(request)
        form = Form.of(letter.consumer, data_of(body))
        try:
            data = form.typed({name: value for name, value in (await request.form()).items() if isinstance(value, str)})
            form = form.now(data)
            edit = _edited(letter, body, data)
        except EditError as error:
            return await self._show(request, letter, form, wrong=error)
        return await self._show(request, letter, form, edit=edit)

    @route("/send", methods=["POST"], name="letter-send")
    async def send(self, request: Request) -> Response:
        """Send what was previewed; the original is closed by it."""
        letter, body = await self._letter(request)
        form = Form.of(letter.consumer, data_of(body))
        reason = await typed(request, "reason")
        try:
            data = form.whole(str((await request.form()).get("data", "")))
            form = form.now(data)
            edit = _edited(letter, body, data)
            if not reason:
                return await self._show(request, letter, form, edit=edit, wrong=EditError(_("Please say why.")))
            who, database = operator(request, reason), self.desk.database
            await send_edited(database, self.desk.amqp_url, edit, who, beside=_written_down(request, edit, reason))
        except EditError as error:
            return await self._show(request, letter, form, wrong=error)
        except BrokerAwayError:
            said = _("RabbitMQ does not answer now. Nothing was done: please try again in a minute.")
            return go_to(request, _path(letter), said, category="error")
        return go_to(request, f"/projects/{letter.project_id}", _("The corrected order is on its way."))

    @route("/note", methods=["POST"], name="letter-note")
    async def note(self, request: Request) -> Response:
        """Note something of this one, and who is on it."""
        letter, _body = await self._letter(request)
        text = await typed(request, "text")
        async with self.desk.database.engine.begin() as connection:
            await write_note(connection, [subject_of(letter)], text or None)
            await take(connection, [subject_of(letter)], staff_of(request).name)
            subject = letter.slug or letter.consumer
            await write_down(connection, request, StaffActionKind.NOTED, subject, project_id=letter.project_id)
        return go_to(request, _path(letter), _("The note is kept."))

    async def _letter(self, request: Request) -> tuple[DeadLetter, bytes]:
        key: Key = request.path_params["consumer"], request.path_params["event_id"]
        async with self.desk.database.autocommit.begin() as connection:
            room = await read_room(connection)
            kept = await read_bodies(connection, [key])
        letter = next((letter for letter in of_room(room) if letter.key == key), None)
        if letter is None or key not in kept:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return letter, kept[key].body

    async def _show(
        self,
        request: Request,
        letter: DeadLetter,
        form: Form,
        *,
        edit: Edited | None = None,
        wrong: EditError | None = None,
    ) -> Response:
        async with self.desk.database.autocommit.begin() as connection:
            notes = await read_notes(connection)
        problems = form.problems(str(wrong)) if wrong else {}
        return self.render(
            request,
            "letter.html",
            HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
            letter=letter,
            where=_path(letter),
            group=group_id(letter),
            failure=failure_of(letter.code),
            form=form,
            can=letter.project_id is not None and contract_of(letter.consumer) is not None,
            edit=edit,
            sentences=await self._sentences(edit) if edit else [],
            problems=problems,
            note=note_of(letter, notes),
        )

    async def _sentences(self, edit: Edited) -> list[str]:
        """What the consumer would do with the copy now."""
        consumer, copy = edit.original.consumer, edit.copy
        async with self.desk.database.autocommit.begin() as connection:
            standings = await read_standings(connection, [(consumer, copy.id, copy.subject)])
        standing = standings[consumer, copy.id]
        return await explain(
            self.desk.database, consumer=consumer, body=copy.encode(), standing=standing, letter_death=0
        )


def _written_down(request: Request, edit: Edited, reason: str) -> Beside:
    async def beside(connection: AsyncConnection, letters: Sequence[DeadLetter]) -> None:
        [letter] = letters
        await write_down(
            connection,
            request,
            StaffActionKind.CORRECTED,
            letter.slug or letter.consumer,
            project_id=letter.project_id,
            reason=reason,
            step=letter.consumer,
            copy=str(edit.copy.id),
        )

    return beside


def _edited(letter: DeadLetter, body: bytes, data: Mapping[str, Any]) -> Edited:
    if data == data_of(body):
        raise EditError(_("Nothing is changed yet. To send it as it is, press “Try again” on the project's page."))
    return edited(letter, body, data)


def _path(letter: DeadLetter) -> str:
    return f"/letters/{letter.consumer}/{letter.event_id}"
