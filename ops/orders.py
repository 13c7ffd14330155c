"""Order files: read, checked field by field, and published as ProjectOrdered by way of the outbox."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, ValidationError
from sqlalchemy import select

from contracts import CloudEvent, ContractError, ProjectOrdered, ServiceName, decode, uuid7
from contracts.problems import field_problems
from ops import outbox
from ops.failure import CommandError
from shared.database import Database
from shared.models import BaseDomain, ProjectType

Order = CloudEvent[ProjectOrdered]


class OrderFile(ProjectOrdered):
    """The data of ProjectOrdered, typed by a person: a field that nobody knows is a slip. `project_id` may be given."""

    model_config = ConfigDict(extra="forbid")

    project_id: UUID | None = None


def read_order(content: bytes, *, name: str) -> Order:
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
            return decode(content, ProjectOrdered)
        order = OrderFile.model_validate_json(content)
    except ContractError as error:
        raise _problems(name, error.problems) from error
    except ValidationError as error:
        raise _problems(name, field_problems(error)) from error
    return order_of(order.model_dump(exclude={"project_id"}), order.project_id)


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
        for field, value, known, refusal in asked:
            names = (await connection.scalars(select(known).order_by(known))).all()
            if value is not None and names and value not in names:
                problems.append(f"{field}: {value!r} {refusal}; there are {', '.join(names)}")
    if problems:
        raise CommandError("\n".join(problems))


async def place_now(database: Database, amqp_url: str, order: Order) -> None:
    """Commit the order to the marketplace's outbox and publish it.

    Raises:
        CommandError: the broker is away or no queue takes it. The order is safe: the marketplace service sends it.

    """
    async with database.engine.begin() as connection:
        [message] = await outbox.put(connection, [order], lease=outbox.OURS)
    await outbox.publish_now(database, amqp_url, ProjectOrdered, message, done=f"{order.subject} is ordered and")


def _problems(name: str, problems: list[str]) -> CommandError:
    return CommandError("\n".join(f"{name}: {problem}" for problem in problems))
