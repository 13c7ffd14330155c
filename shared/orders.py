"""Orders as they are asked for, by a file or over HTTP: checked, completed, committed with their event."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from pydantic import ConfigDict, ModelWrapValidatorHandler, PrivateAttr, model_validator
from sqlalchemy import Connection, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CloudEvent, ProjectOrdered, ServiceName, Slug, Text, uuid7
from shared.base_domains import TypedHost
from shared.bundles import BundleError, expand
from shared.errors import FieldProblem, WrongFieldsError
from shared.marketplace_outbox import AT_ONCE, put
from shared.models import BaseDomain, ProjectType
from shared.names import UnknownBaseDomainError, claim_name, slug_of
from shared.outbox import Message
from shared.plans import read_plans
from shared.registrant import problems as objections

Order = CloudEvent[ProjectOrdered]


def _or_name(schema: dict[str, Any]) -> None:
    """What the JSON Schema says of an order: a slug, or a name of which one is made; one kind of domain."""
    schema["oneOf"] = ProjectOrdered.model_json_schema()["oneOf"]
    schema["required"].remove("slug")
    schema["anyOf"] = [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("slug", "name")]


class OrderRequest(ProjectOrdered):
    """The data of ProjectOrdered, typed by a person: a field that nobody knows is a slip.

    `project_id` may be given, `name` instead of the slug, and `bundles` beside the plugins.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra=_or_name)

    project_id: UUID | None = None
    base_domain: TypedHost | None = None
    own_domain: TypedHost | None = None
    name: Text | None = None
    bundles: tuple[Slug, ...] = ()

    _typed: str | None = PrivateAttr(default=None)

    @model_validator(mode="wrap")
    @classmethod
    def _named(cls, order: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        is_named = isinstance(order, dict) and "slug" not in order and isinstance(order.get("name"), str)
        checked = check(order | {"slug": slug_of(order["name"])} if is_named else order)
        checked._typed = checked.name if is_named else None  # noqa: SLF001 - our own
        return checked

    def wish(self) -> "Wish":
        """Make the order that is asked for, with ids of its own."""
        data = self.model_dump(exclude={"project_id", "name", "bundles"})
        return Wish(order_of(data, self.project_id), self._typed, self.bundles)


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as it is asked for. The name that was typed instead of a slug, and the bundles, are to be seen to."""

    order: Order
    typed: str | None = None
    bundles: tuple[str, ...] = ()


def complete(connection: Connection, wish: Wish) -> Order:
    """Claim the name and expand the bundles, in the caller's transaction.

    Raises:
        WrongFieldsError: a bundle is unknown, or contradicts another, or the base domain is none of ours.

    """
    ordered = wish.order.data
    changes: dict[str, Any] = {}
    if wish.typed and (base_domain := ordered.base_domain):
        try:
            changes["slug"] = claim_name(connection, wish.typed, base_domain=base_domain, project_id=wish.order.subject)
        except UnknownBaseDomainError as error:
            raise WrongFieldsError(FieldProblem("base_domain", str(error))) from error
    if wish.bundles:
        try:
            changes["plugins"] = expand(connection, wish.bundles, ordered.plugins)
        except BundleError as error:
            raise WrongFieldsError(FieldProblem("bundles", str(error))) from error
    return order_of(ordered.model_dump() | changes, wish.order.subject) if changes else wish.order


def order_of(data: dict[str, Any], project_id: UUID | None = None) -> Order:
    """Make a new order of valid `data`."""
    return CloudEvent.of(
        ProjectOrdered.model_validate(data),
        source=ServiceName.MARKETPLACE.value,
        project_id=project_id or uuid7(),
    )


async def place(connection: AsyncConnection, wish: Wish, *, lease: timedelta = AT_ONCE) -> tuple[Order, Message]:
    """Complete the order and commit its event with the caller's transaction; `lease` as for `put`.

    Raises:
        WrongFieldsError: a bundle or the base domain is wrong.

    """
    order = await connection.run_sync(complete, wish)
    [message] = await put(connection, [order], lease=lease)
    return order, message


async def not_offered(connection: AsyncConnection, order: Order) -> list[FieldProblem]:
    """Tell what would fail minutes later in dns or deploy: each field with its value and what there is.

    What the database lists none of is not judged. Of a domain that is to be registered, the owner is held against what
    its registry takes.
    """
    offered = {
        "base_domain": (order.data.base_domain, select(BaseDomain.name), "is none of ours"),
        "project_type": (order.data.project_type, select(ProjectType.name), "cannot be ordered"),
    }
    problems = []
    plans = read_plans()
    if order.data.plan not in plans:
        refusal = f"{order.data.plan!r} cannot be ordered; there are {', '.join(sorted(plans))}"
        problems.append(FieldProblem("plan", refusal))
    for field, (value, listed, refusal) in offered.items():
        names = sorted((await connection.scalars(listed)).all())
        if value is not None and names and value not in names:
            problems.append(FieldProblem(field, f"{value!r} {refusal}; there are {', '.join(names)}"))
    if (wish := order.data.registration) and order.data.own_domain:
        found = objections(order.data.own_domain, wish.registrant)
        problems += [FieldProblem(f"registration.registrant.{each.field}", each.problem) for each in found]
    return problems
