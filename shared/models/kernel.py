"""The kernel's own tables: the waiting room, the outbox, the cancellation marks."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Sequence, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import Table, enum_type

STEP_TOKENS = Sequence("step_tokens", metadata=Table.metadata)
"""Fencing tokens: each claim, reopening and take of a step draws a higher one; they never restart."""


class StepState(StrEnum):
    """What an open step is doing."""

    RUNNING = "running"
    WAITING = "waiting"
    PARKED = "parked"
    DEAD = "dead"


class OpenStep(Table):
    """The waiting room: one row for each step that is not done. Owner: the kernel of the consumer's service.

    `due_at` is the next moment at which somebody should look: a running step's lease ends, a waiting one is due, a
    parked one looks again by itself. `attempt` counts for people; `token` fences: a write that names another is void.
    `supersedes` is the event that this one, an edited copy, replaces. `claim` names the call that claimed it.
    """

    __tablename__ = "open_steps"
    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID | None]
    body: Mapped[bytes]
    state: Mapped[StepState] = mapped_column(enum_type(StepState, "step_state"))
    attempt: Mapped[int]
    token: Mapped[int] = mapped_column(BigInteger)
    due_at: Mapped[datetime]
    deadline: Mapped[datetime | None]
    wake_key: Mapped[str | None]
    reason: Mapped[str | None]
    deaths: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    supersedes: Mapped[UUID | None]
    claim: Mapped[UUID | None]

    __table_args__ = (
        Index("ix_open_steps_due", "consumer", "due_at", postgresql_where=text("state <> 'dead'")),
        Index("ix_open_steps_wake", "wake_key", "created_at", postgresql_where=text("state = 'parked'")),
        Index("ix_open_steps_project_id", "project_id"),
    )


class Outbox(Table):
    """What must still be said: committed and not yet confirmed by the broker. Owner: the service named in `owner`.

    `id` is the AMQP message id. `required`: somebody must be listening, so the row stays until a queue takes it.
    """

    __tablename__ = "outbox"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner: Mapped[str]
    exchange: Mapped[str]
    routing_key: Mapped[str]
    body: Mapped[bytes]
    headers: Mapped[dict[str, Any]]
    required: Mapped[bool]
    attempts: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_outbox_owner_lease", "owner", "lease_until"),)


class SaidEvent(Table):
    """An event that was put into the outbox in the marketplace's name, in its bytes: no log row of a step has them.

    For `vrs recover`. Written by a trigger on the outbox; kept for 30 days, or until its customer is forgotten. Owner:
    the marketplace.
    """

    __tablename__ = "said_events"
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    body: Mapped[bytes]
    said_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (Index("ix_said_events_said_at", "said_at"),)


class Cancellation(Table):
    """The mark that a project is cancelled: never cleared, also for a project nobody knows. Owner: whoever cancels.

    `undone` lists the services whose part is undone.
    """

    __tablename__ = "cancellations"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str]
    requested_by: Mapped[str]
    undone: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default="{}")
    at: Mapped[datetime] = mapped_column(server_default=func.now())
