"""A registration of a domain that waits for a person: answered on the project's page, its owner corrected here."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _

from contracts import Registrant
from services.marketplace.admin.holds import Hold, read_holds
from services.marketplace.admin.offer import cents_of
from services.marketplace.admin.owner import FIELDS, OWNER, typed_owner, wrong_with
from services.marketplace.admin.page import LONGEST_LINE, Page, all_typed, go_to, project_id_of, write_down
from services.marketplace.admin.refusals import refusal
from services.marketplace.admin.shown import money
from shared.errors import RefusedError, WrongFieldsError
from shared.models import StaffActionKind
from shared.registrations import answer_registration
from shared.transaction import begin


class Registration(Page):
    """What the forms of a held registration do."""

    path = "/projects/{project_id:uuid}/registration"
    add_to_menu = False

    @route("", name="registration")
    async def index(self, request: Request) -> Response:
        """Show the owner's data, with what the registry would not take."""
        hold = await self._hold(request)
        if hold is None:
            return _nothing_to_answer(request)
        owner = hold.registrant or {}
        given = {f"{OWNER}{name}": str(owner.get(name) or "") for name in FIELDS}
        return self._form(request, hold, given, hold.owner_problems)

    @route("", methods=["POST"], name="registration-answer")
    async def answer(self, request: Request) -> Response:
        """Let it be tried again: for more, or with other data of its owner, if such were typed."""
        given = await all_typed(request)
        hold = await self._hold(request)
        if hold is None:
            return _nothing_to_answer(request)
        try:
            answered: dict[str, Any] = {}
            if "owner" in given:
                answered["registrant"] = Registrant.model_validate(typed_owner(given))
            if (cents := cents_of(given.get("max_sum", ""))) is not None:
                answered["max_cents"] = _enough(cents, hold)
            await self._answer(request, given.get("reason", "")[:LONGEST_LINE], answered)
        except ValidationError as error:
            return self._form(request, hold, given, wrong_with(error))
        except WrongFieldsError as error:
            return self._form(request, hold, given, wrong_with(error.problems))
        except RefusedError as error:
            return go_to(request, _page(request), refusal(error), category="error")
        except ValueError as error:
            return go_to(request, _page(request), str(error), category="error")
        return go_to(request, _page(request), _("The answer is kept: the domain is being registered."))

    async def _answer(self, request: Request, reason: str, answered: Mapping[str, Any]) -> None:
        """The answer and its line in the audit log, which tells nothing of the owner, are one commit."""
        project_id = project_id_of(request)
        async with begin(self.desk.database) as transaction:
            domain = await answer_registration(transaction, project_id, **answered)
            told = {"max_cents": answered["max_cents"]} if "max_cents" in answered else {}
            if "registrant" in answered:
                told["owner"] = "corrected"
            kind = StaffActionKind.REGISTRATION_ANSWERED
            connection = transaction.connection
            await write_down(connection, request, kind, domain, project_id=project_id, reason=reason, **told)

    async def _hold(self, request: Request) -> Hold | None:
        async with self.desk.database.autocommit.begin() as connection:
            return (await read_holds(connection, [project_id_of(request)])).get(project_id_of(request))

    def _form(self, request: Request, hold: Hold, given: Mapping[str, str], wrong: Mapping[str, str]) -> Response:
        is_asked = request.method == "GET"
        status = HTTPStatus.OK if is_asked else HTTPStatus.UNPROCESSABLE_ENTITY
        return self.render(
            request,
            "registration.html",
            status,
            hold=hold,
            given=given,
            wrong=wrong,
            is_asked=is_asked,
            project_id=project_id_of(request),
        )


def _enough(cents: int, hold: Hold) -> int:
    if hold.cents is not None and cents < hold.cents:
        raise ValueError(_("That is not enough: the domain costs %(price)s.") % {"price": money(hold.cents, "EUR")})
    return cents


def _nothing_to_answer(request: Request) -> Response:
    said = _("The registration does not wait for an answer (any more).")
    return go_to(request, _page(request), said, category="error")


def _page(request: Request) -> str:
    return f"/projects/{project_id_of(request)}"
