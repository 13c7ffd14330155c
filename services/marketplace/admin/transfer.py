"""The transfer of a domain to us: asked for, or answered when it has failed."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _

from services.marketplace.admin.moves import Move, read_moves
from services.marketplace.admin.offer import cents_of
from services.marketplace.admin.owner import FIELDS, OWNER, said_of, typed_owner
from services.marketplace.admin.page import (
    LONGEST_LINE,
    Page,
    all_typed,
    go_to,
    project_id_of,
    staff_of,
    typed,
    write_down,
)
from services.marketplace.admin.refusals import refusal
from services.marketplace.projects import read_project
from shared.errors import RefusedError, WrongFieldsError
from shared.models import StaffActionKind
from shared.seal import Seal
from shared.transaction import begin
from shared.transfers import TransferRequest, ask_for_transfer, withdraw_transfer

USUAL = 1500
"""What a move may cost unless something else is said, in cents of euros."""

OURS = {"max_cents": "max_sum"}
"""What the form calls a field otherwise than the request."""


class Transfer(Page):
    """The form of a transfer: of a new one, or, with ``?domain=``, the answer to one that has failed."""

    path = "/projects/{project_id:uuid}/transfer"
    add_to_menu = False

    @route("", name="transfer")
    async def index(self, request: Request) -> Response:
        """Show it, with what was said before."""
        move = await self._failed(request, request.query_params.get("domain", ""))
        owner = (move.registrant if move else None) or {"country": "DE"}
        given = {f"{OWNER}{name}": str(owner.get(name) or "") for name in FIELDS}
        cents = max(move.price or 0, move.max_cents) if move else USUAL
        return self._form(request, move, given | {"max_sum": f"{cents / 100:.2f}".replace(".", ",")}, {})

    @route("", methods=["POST"], name="transfer-ask")
    async def ask(self, request: Request) -> Response:
        """Ask for it, or let it go on with what is new."""
        given = await all_typed(request)
        move = await self._failed(request, given.get("domain", ""))
        page = f"/projects/{project_id_of(request)}"
        if self.desk.settings.transfer_key is None:
            return go_to(
                request, page, _("Domains cannot be moved to us here yet: tell an operator."), category="error"
            )
        try:
            wanted = TransferRequest.model_validate(_request(given))
            await self._ask(request, wanted, Seal(self.desk.settings.transfer_key), given.get("reason", ""))
        except ValidationError as error:
            return self._form(request, move, given, _wrong(".".join(map(str, each["loc"])) for each in error.errors()))
        except WrongFieldsError as error:
            return self._form(request, move, given, _wrong(each.field for each in error.problems))
        except RefusedError as error:
            return go_to(request, page, refusal(error), category="error")
        except ValueError:
            return self._form(request, move, given, _wrong(["max_cents"]))
        return go_to(request, page, _("The move of the domain is asked for. It takes some days and goes on by itself."))

    @route("/withdraw", methods=["POST"], name="transfer-withdraw")
    async def withdraw(self, request: Request) -> Response:
        """Say that a domain is not to come any more; that and its line in the audit log are one commit."""
        project_id, domain = project_id_of(request), await typed(request, "domain")
        page = f"/projects/{project_id}"
        try:
            async with begin(self.desk.database) as transaction:
                await withdraw_transfer(transaction, project_id, domain, by=staff_of(request).name)
                kind = StaffActionKind.TRANSFER_WITHDRAWN
                await write_down(transaction.connection, request, kind, domain, project_id=project_id)
        except RefusedError as error:
            return go_to(request, page, refusal(error), category="error")
        return go_to(request, page, _("The move is withdrawn. The domain stays where it is."))

    async def _ask(self, request: Request, wanted: TransferRequest, seal: Seal, reason: str) -> None:
        """The wish and its line in the audit log, which tells neither the code nor the owner, are one commit."""
        project_id, kind = project_id_of(request), StaffActionKind.TRANSFER_ASKED
        async with begin(self.desk.database) as transaction:
            await ask_for_transfer(transaction, project_id, wanted, seal, by=staff_of(request).name)
            connection, why = transaction.connection, reason[:LONGEST_LINE]
            await write_down(connection, request, kind, wanted.domain, project_id=project_id, reason=why)

    async def _failed(self, request: Request, domain: str) -> Move | None:
        async with self.desk.database.autocommit.begin() as connection:
            if await read_project(connection, project_id_of(request)) is None:
                raise HTTPException(HTTPStatus.NOT_FOUND)
            moves = await read_moves(connection, project_id_of(request))
        return next((each for each in moves if each.domain == domain and each.waits_for_answer), None)

    def _form(
        self, request: Request, move: Move | None, given: Mapping[str, str], wrong: Mapping[str, str]
    ) -> Response:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
        shown = {name: value for name, value in given.items() if name != "auth_code"}
        return self.render(
            request, "transfer.html", status, move=move, given=shown, wrong=wrong, project_id=project_id_of(request)
        )


def _request(given: Mapping[str, str]) -> dict[str, Any]:
    return {
        "domain": given.get("domain", ""),
        "auth_code": given.get("auth_code"),
        "registrant": typed_owner(given),
        "max_cents": cents_of(given.get("max_sum", "")),
    }


def _wrong(paths: Iterable[str]) -> dict[str, str]:
    """What people read beside a field of the form, by its name."""
    said = {
        "domain": _("Please type a domain, like example.org, that no other project has."),
        "auth_code": _("Please type the auth code, which the present provider gives to the owner."),
        "max_sum": _("Please type what the move may cost, like 15,00."),
    }
    fields = [OURS.get(path, path.replace(".", "_")) for path in paths]
    return {field: said.get(field) or said_of(field) or field for field in fields}
