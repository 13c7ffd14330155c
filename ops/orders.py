"""Order files: read, checked field by field, and published as ProjectOrdered by way of the outbox."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, ValidationError
from sqlalchemy import func, insert, text

from contracts import CloudEvent, ContractError, ProjectOrdered, ServiceName, decode, uuid7
from contracts.cloud_event import field_problems
from ops.failure import CommandError
from shared.database import Database
from shared.messaging.ending import said
from shared.messaging.schedule import OUTBOX_CHANNEL
from shared.models import Outbox

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
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON
        raise CommandError(f"{name}: {error}") from error
    try:
        if isinstance(raw, dict) and "specversion" in raw:
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
        for message in map(said, orders):
            row = asdict(message) | {"owner": ServiceName.MARKETPLACE.value, "lease_until": func.now()}
            await connection.execute(insert(Outbox).values(row))
        await connection.execute(text(f"NOTIFY {OUTBOX_CHANNEL}"))


def _problems(name: str, problems: list[str]) -> CommandError:
    return CommandError("\n".join(f"{name}: {problem}" for problem in problems))
