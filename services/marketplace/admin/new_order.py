"""A new order: what is typed is checked as one types, or by a button, and then placed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from contracts import uuid7
from contracts.problems import sentence
from services.marketplace.admin import owner
from services.marketplace.admin.checks import Checked, Choices, check, read_choices
from services.marketplace.admin.offer import cents_of
from services.marketplace.admin.owner import said_of, typed_owner
from services.marketplace.admin.page import Page, caller_of, go_to, write_down
from services.marketplace.api.capacity import capacity
from services.marketplace.audit import subject_of
from services.marketplace.ordering import place_order
from services.marketplace.problems import Problem
from shared.errors import FieldProblem, WrongFieldsError
from shared.messaging.clean import clean
from shared.models import StaffActionKind
from shared.offers import offer_of
from shared.orders import OrderRequest
from shared.transaction import begin

BASE, OWN, REGISTER = "base", "own", "register"
"""Kinds of domain: under one of ours, the customer's, and one that is registered for them."""

DEFAULTS = {"domain_kind": BASE, "plan": "starter", "locale": "de", "registrant_country": "DE", "max_sum": "30,00"}
FIELDS = ("name", "base_domain", "own_domain", "new_domain", "customer_name", "customer_email", "max_sum")
"""Beside these fields, and the registrant's, a form says what is wrong; of any other above it."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form."""

    fields: Mapping[str, str]
    plugins: list[str] = field(default_factory=list)
    bundles: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, form: FormData) -> "Typed":
        """Read it; what is no text is left out."""
        texts = {name: clean(value).strip()[:500] for name, value in form.items() if isinstance(value, str)}
        return cls(
            texts,
            [value for value in form.getlist("plugins") if isinstance(value, str)],
            [value for value in form.getlist("bundles") if isinstance(value, str)],
        )

    def get(self, name: str) -> str:
        """A field's text, empty if there is none."""
        return self.fields.get(name, "")

    @property
    def kind(self) -> str:
        """Which kind of domain the project gets."""
        return self.get("domain_kind") if self.get("domain_kind") in (OWN, REGISTER) else BASE

    def as_order(self, choices: Choices) -> dict[str, Any]:
        """The order as it would be sent over HTTP."""
        versions = choices.versions
        order: dict[str, Any] = {
            "project_id": self.get("project_id") or None,
            "name": self.get("name"),
            "plan": self.get("plan"),
            "locale": self.get("locale"),
            "bundles": self.bundles,
            "plugins": [{"name": name, "version": versions[name]} for name in self.plugins if name in versions],
            "customer": {"name": self.get("customer_name"), "email": self.get("customer_email")},
        }
        if kind := self.get("project_type") or next(iter(choices.types), ""):
            order["project_type"] = kind
        if self.kind == BASE:
            return order | {"base_domain": self.get("base_domain")}
        if self.kind == OWN:
            return order | {"own_domain": self.get("own_domain")}
        wish = {"registrant": typed_owner(self.fields), "max_cents": cents_of(self.get("max_sum"))}
        return order | {"own_domain": self.get("new_domain"), "registration": wish}


class NewOrder(Page):
    """The form."""

    menu_label = lazy_gettext("New order")
    icon = "order"
    path = "/order"

    @route("", name="order")
    async def index(self, request: Request) -> Response:
        """Show it, empty."""
        return await self._form(request, Typed(DEFAULTS | {"project_id": str(uuid7())}))

    @route("/check", methods=["POST"], name="order-check")
    async def check(self, request: Request) -> Response:
        """Show it with what can be said of what stands there so far."""
        return await self._form(request, Typed.of(await request.form()), checks=True)

    @route("", methods=["POST"], name="order-place")
    async def place(self, request: Request) -> Response:
        """Place the order; show the form again with what is wrong."""
        given = Typed.of(await request.form())
        async with self.desk.database.autocommit.begin() as connection:
            choices = await read_choices(connection)
        try:
            order = OrderRequest.model_validate(given.as_order(choices))
        except ValidationError as error:
            found = [FieldProblem(".".join(map(str, each["loc"])), sentence(each)) for each in error.errors()]
            return await self._form(request, given, wrong=_wrong(found, given.kind))
        except ValueError as error:
            return await self._form(request, given, wrong={"max_sum": str(error)})
        due = timedelta(seconds=self.desk.settings.dns_due)
        try:
            async with begin(self.desk.database) as transaction:
                project = await place_order(transaction, order, due=due)
                kind, subject = StaffActionKind.ORDERED, subject_of(project)
                await write_down(transaction.connection, request, kind, subject, project_id=project.id)
        except WrongFieldsError as error:
            return await self._form(request, given, wrong=_wrong(error.problems, given.kind))
        except Problem as error:
            return await self._form(request, given, wrong={"": str(error)})
        return go_to(request, f"/projects/{project.id}", _("The order is placed. You can watch it here."))

    async def _form(
        self, request: Request, given: Typed, *, wrong: Mapping[str, str] | None = None, checks: bool = False
    ) -> Response:
        checked: Checked | None = None
        async with self.desk.database.autocommit.begin() as connection:
            choices = await read_choices(connection)
        if checks or wrong:
            plan = given.get("plan") if given.get("plan") in choices.plans else None
            room = await capacity(caller_of(request), self.desk.database, plan)
            async with self.desk.database.autocommit.begin() as connection:
                checked = await check(connection, given.fields, given.plugins, given.bundles, choices, room)
            if given.kind != BASE and checked.host and not checked.problem:
                offer = await offer_of(self.desk.database, checked.host, wait=self.desk.settings.offer_seconds)
                checked = replace(checked, offer=offer)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
        return self.render(
            request,
            "order.html",
            status,
            given=given,
            choices=choices,
            wrong=wrong or {},
            beside=(*FIELDS, *(f"{owner.OWNER}{name}" for name in owner.FIELDS)),
            checked=checked,
        )


def _wrong(problems: Iterable[FieldProblem], kind: str) -> dict[str, str]:
    """What people read, by the form's field."""
    return {(name := _field(each.field, kind)): _said(name, each.problem) for each in problems}


def _field(path: str, kind: str) -> str:
    """The form's field of a part of the order."""
    name = "_".join(part for part in path.split(".") if not part.isdecimal()).removeprefix("registration_")
    own = "new_domain" if kind == REGISTER else "own_domain"
    return {"slug": "name", "max_cents": "max_sum", "own_domain": own}.get(name, name)


def _said(name: str, problem: str) -> str:
    """What people read beside a field."""
    if (of_owner := said_of(name)) is not None:
        return of_owner
    return {
        "name": _("Please type a name: letters, digits, hyphens."),
        "customer_name": _("Please type the customer's name."),
        "customer_email": _("Please type an e-mail address, like anna@example.org."),
        "own_domain": _("Please type a domain, like example.org, that no other project has."),
        "new_domain": _("Please type a domain, like example.org, that no other project has."),
        "base_domain": _("Please choose one of our domains."),
        "max_sum": _("Please type what the first year may cost, like 30,00."),
    }.get(name, problem)
