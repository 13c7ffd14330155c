"""Webhooks: who outside hears of events, and what was sent to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import Table, enum_type


class DeliveryState(StrEnum):
    """Where a delivery stands. `FAILED`: it was tried for days and is not tried any more."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookEndpoint(Table):
    """A URL that hears of events, all of them if `events` names no types. Owner: marketplace.

    `secret` signs what is sent; after a change `previous_secret` signs too until `previous_until`. Both are encrypted
    with a key that is not in the database. From `disabled_at` on nothing is collected or sent, for `disabled_reason`.
    """

    __tablename__ = "webhook_endpoints"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    description: Mapped[str] = mapped_column(server_default="")
    secret: Mapped[bytes]
    previous_secret: Mapped[bytes | None]
    previous_until: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_delivered_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]


class WebhookDelivery(Table):
    """An event that an endpoint is to hear: put here by a trigger, in the commit that puts the event into the outbox.

    Owner: marketplace. `due_at` is the next try, or the end of the lease of the one that runs. `tries` has one entry
    each: ``at``, ``status`` (null without an answer), ``problem`` (null if it went well) and ``ms``.
    """

    __tablename__ = "webhook_deliveries"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    endpoint_id: Mapped[UUID]
    event_id: Mapped[UUID]
    type: Mapped[str]
    body: Mapped[bytes]
    state: Mapped[DeliveryState] = mapped_column(enum_type(DeliveryState, "delivery_state"), server_default="pending")
    tries: Mapped[list[Any]] = mapped_column(server_default="[]")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    due_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_webhook_deliveries_endpoint_id", "endpoint_id", "event_id", unique=True),
        Index("ix_webhook_deliveries_due", "endpoint_id", "due_at", postgresql_where=text("state = 'pending'")),
        Index("ix_webhook_deliveries_endpoint_id_id", "endpoint_id", "id"),
        Index("ix_webhook_deliveries_created_at", "created_at"),
    )
