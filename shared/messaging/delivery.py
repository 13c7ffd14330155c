"""A message as RabbitMQ handed it over, and what it was read as."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiormq.abc import DeliveredMessage

from contracts import CloudEvent, ContractError, Event
from shared.messaging.supersede import SUPERSEDES

MOST_DEATHS = 1_000_000
"""A header that names more is not ours."""


@dataclass(slots=True, eq=False)
class Delivery:
    """`deaths` is the number that the header of a dead letter names, `deliveries` how often the broker tried before.

    `supersedes`: it is an edited copy of that event. Without `claimed` the broker is to bury it.
    """

    tag: int
    body: bytes
    deaths: int
    deliveries: int
    supersedes: UUID | None = None
    event: CloudEvent[Event] | None = None
    error: ContractError | None = None
    claimed: bool = True


def delivery_of(message: DeliveredMessage) -> Delivery:
    """Take what the kernel looks at; a header that is not ours counts as missing."""
    headers: dict[str, Any] = message.header.properties.headers or {}
    return Delivery(
        tag=_tag(message),
        body=message.body,
        deaths=_count(headers.get("vrs-death")),
        deliveries=_count(headers.get("x-delivery-count")),
        supersedes=_original(headers.get(SUPERSEDES)),
    )


def _tag(message: DeliveredMessage) -> int:
    if message.delivery_tag is None:
        raise ValueError("a delivery without a tag cannot be acked")
    return message.delivery_tag


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_DEATHS else 0


def _original(header: Any) -> UUID | None:
    try:
        return None if header is None else UUID(header)
    except (ValueError, AttributeError, TypeError):
        return None
