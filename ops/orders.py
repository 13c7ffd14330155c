"""Order files: read, checked field by field, and published as ProjectOrdered by way of the outbox."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, ValidationError, model_validator
from sqlalchemy import Connection, select

from contracts import CloudEvent, ContractError, HostName, ProjectOrdered, ServiceName, Slug, Text, decode, uuid7
from contracts.problems import field_problems
from migrations.adoption.catalogue import find_tables
from migrations.adoption.plan import WITHOUT_INSERTS, required_of
from ops import outbox
from ops.failure import CommandError
from shared.bundles import BundleError, expand
from shared.database import Database
from shared.hosts import as_stored
from shared.models import BaseDomain, Project, ProjectType
from shared.names import claim_name, slug_of

Order = CloudEvent[ProjectOrdered]


def _typed_host(value: object) -> object:
    """What a person types may have umlauts and capitals; what is no host name is left to the contract."""
    try:
        return as_stored(value) if isinstance(value, str) else value
    except ValueError:
        return value


TypedHost = Annotated[HostName, BeforeValidator(_typed_host)]


class OrderFile(ProjectOrdered):
    """The data of ProjectOrdered, typed by a person: a field that nobody knows is a slip.

    `project_id` may be given, `name` instead of the slug, and `bundles` beside the plugins.
    """

    model_config = ConfigDict(extra="forbid")

    project_id: UUID | None = None
    base_domain: TypedHost | None = None
    own_domain: TypedHost | None = None
    name: Text | None = None
    bundles: tuple[Slug, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _named(cls, order: Any) -> Any:
        if isinstance(order, dict) and "slug" not in order and isinstance(order.get("name"), str):
            return order | {"slug": slug_of(order["name"])}
        return order


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as it is asked for. The name that was typed instead of a slug, and the bundles, are to be seen to."""

    order: Order
    typed: str | None = None
    bundles: tuple[str, ...] = ()


def read_order(content: bytes, *, name: str) -> Order:
    """Read an order file, or a complete CloudEvent, that names its slug and its plugins.

    Raises:
        CommandError: a line for each thing that is wrong, each beginning with `name`.

    """
    return read_wish(content, name=name).order


def read_wish(content: bytes, *, name: str) -> Wish:
    """Read an order file, or a complete CloudEvent.

    Raises:
        CommandError: a line for each thing that is wrong, each beginning with `name`.

    """
    try:
        raw = json.loads(content.decode())
    except UnicodeDecodeError as error:
        raise CommandError(f"{name}: byte {error.start} is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{name}: not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise CommandError(f"{name}: an order is a JSON object with slug, plan, customer …, not {type(raw).__name__}")
    try:
        if "specversion" in raw:
            return Wish(decode(content, ProjectOrdered))
        order = OrderFile.model_validate_json(content)
    except ContractError as error:
        raise _problems(name, error.problems) from error
    except ValidationError as error:
        raise _problems(name, field_problems(error)) from error
    data = order.model_dump(exclude={"project_id", "name", "bundles"})
    return Wish(order_of(data, order.project_id), None if "slug" in raw else order.name, order.bundles)


def complete(connection: Connection, wish: Wish) -> Order:
    """Claim the name and expand the bundles, in the caller's transaction.

    Raises:
        CommandError: a bundle is unknown, or contradicts another.

    """
    ordered = wish.order.data
    changes: dict[str, Any] = {}
    if wish.typed and ordered.base_domain:
        changes["slug"] = claim_name(
            connection, wish.typed, base_domain=ordered.base_domain, project_id=wish.order.subject
        )
    if wish.bundles:
        try:
            changes["plugins"] = expand(connection, wish.bundles, ordered.plugins)
        except BundleError as error:
            raise CommandError(f"bundles: {error}") from error
    return order_of(ordered.model_dump() | changes, wish.order.subject) if changes else wish.order


def order_of(data: dict[str, Any], project_id: UUID | None = None) -> Order:
    """Make a new order of valid `data`."""
    return CloudEvent.of(
        ProjectOrdered.model_validate(data),
        source=ServiceName.MARKETPLACE.value,
        project_id=project_id or uuid7(),
    )


async def place(database: Database, orders: Sequence[Order]) -> None:
    """Commit the orders to the marketplace's outbox and wake the marketplace, which publishes them."""
    async with database.engine.begin() as connection:
        await outbox.put(connection, orders)


async def refuse_what_nobody_offers(database: Database, order: Order) -> None:
    """Refuse what would fail minutes later in dns or deploy. What the database lists none of is not judged.

    Raises:
        CommandError: names the field, its value and what there is.

    """
    asked = [
        ("base_domain", order.data.base_domain, BaseDomain.name, "is none of ours"),
        ("project_type", order.data.project_type, ProjectType.name, "cannot be ordered"),
    ]
    problems = []
    async with database.engine.connect() as connection:
        known_project = await connection.scalar(select(Project.vrs_id).where(Project.vrs_id == order.subject))
        needs = required_of((await connection.run_sync(find_tables, ["projects"]))["projects"])
        if needs and known_project is None:
            problems.append(f"project_id: projects needs {', '.join(needs)}: {WITHOUT_INSERTS['projects']}")
        for field, value, known, refusal in asked:
            names = (await connection.scalars(select(known).order_by(known))).all()
            if value is not None and names and value not in names:
                problems.append(f"{field}: {value!r} {refusal}; there are {', '.join(names)}")
    if problems:
        raise CommandError("\n".join(problems))


async def place_now(database: Database, amqp_url: str, wish: Wish) -> Order:
    """Complete the order, commit it to the marketplace's outbox with the name that it claims, and publish it.

    Raises:
        CommandError: a bundle is wrong; or the broker is away or no queue takes it. Then the order is safe: the
            marketplace service sends it.

    """
    async with database.engine.begin() as connection:
        order = await connection.run_sync(complete, wish)
        [message] = await outbox.put(connection, [order], lease=outbox.OURS)
    await outbox.publish_now(database, amqp_url, ProjectOrdered, message, done=f"{order.subject} is ordered and")
    return order


def _problems(name: str, problems: list[str]) -> CommandError:
    return CommandError("\n".join(f"{name}: {problem}" for problem in problems))
