"""Order files: read, checked field by field, and published as ProjectOrdered by way of the outbox."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import aiormq
from aiormq.channel import Channel
from pydantic import ConfigDict, ValidationError
from sqlalchemy import delete, func, insert, text, update

from contracts import CloudEvent, ContractError, ProjectOrdered, ServiceName, decode, uuid7
from contracts.cloud_event import field_problems
from ops.failure import CommandError
from shared.database import Database
from shared.messaging.broker import CONNECTION_ERRORS
from shared.messaging.ending import said
from shared.messaging.publish import Message, Said, publish
from shared.messaging.schedule import OUTBOX_CHANNEL
from shared.messaging.settle import OUTBOX_LEASE
from shared.messaging.topology import consumer_queue, dead_queue, declare
from shared.messaging.trouble import reason_of
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
    await _commit(database, [said(order) for order in orders], lease=timedelta())


async def publish_now(database: Database, amqp_url: str, order: Order) -> None:
    """Commit the order to the marketplace's outbox and publish it.

    Raises:
        CommandError: the broker is away or no queue takes it. The order is safe: the marketplace service sends it.

    """
    message = said(order)
    await _commit(database, [message], lease=timedelta(seconds=OUTBOX_LEASE))
    try:
        taken = await _say(amqp_url, message) is Said.TAKEN
        problem = "no queue takes it"
    except CONNECTION_ERRORS as error:
        taken, problem = False, reason_of(error)
    async with database.engine.begin() as connection:
        if taken:
            await connection.execute(delete(Outbox).where(Outbox.id == message.id))
            return
        await connection.execute(update(Outbox).where(Outbox.id == message.id).values(lease_until=func.now()))
    raise CommandError(
        f"{order.subject} is ordered and safe in the outbox, but not published yet ({problem}): "
        "`vrs run marketplace` sends it as soon as the broker takes it"
    )


async def _say(amqp_url: str, message: Message) -> Said:
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel(on_return_raises=False)
        await declare(channel, [consumer_queue(ServiceName.DNS, ProjectOrdered), dead_queue(ServiceName.DNS)])
        [answer] = await publish(cast("Channel", channel), [message])
        return answer


async def _commit(database: Database, messages: Sequence[Message], *, lease: timedelta) -> None:
    async with database.engine.begin() as connection:
        for message in messages:
            row = asdict(message) | {"owner": ServiceName.MARKETPLACE.value, "lease_until": func.now() + lease}
            await connection.execute(insert(Outbox).values(row))
        await connection.execute(text(f"NOTIFY {OUTBOX_CHANNEL}"))


def _problems(name: str, problems: list[str]) -> CommandError:
    return CommandError("\n".join(f"{name}: {problem}" for problem in problems))
