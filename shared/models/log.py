"""The story of each project, and the proof of what was done."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import Table, enum_type


class LogStatus(StrEnum):
    """What a log row says of its step. The first three settle an event: it will never be handled again."""

    COMPLETED = "completed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    WAITING = "waiting"
    PARKED = "parked"
    RETRYING = "retrying"
    DEAD = "dead"


SETTLED = "status IN ('completed', 'superseded', 'cancelled')"
"""SQL condition of the rows that settle their event."""


LATE = "late"
"""Step of the rows in which notify's watch says that a project's step is late; they settle nothing."""


class ProvisioningLog(Table):
    """Append-only. Owner: the kernel. One settled row at most for each (consumer, event id): the inbox.

    `emitted` holds the exact bytes of the events that the step said, one per line. `detail` has secrets redacted.
    Project and event id are null for a message that could not be read.
    """

    __tablename__ = "provisioning_log"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    project_id: Mapped[UUID | None]
    service: Mapped[str]
    consumer: Mapped[str]
    step: Mapped[str]
    status: Mapped[LogStatus] = mapped_column(enum_type(LogStatus, "log_status"))
    attempt: Mapped[int]
    event_id: Mapped[UUID | None]
    causation_id: Mapped[UUID | None]
    correlation_id: Mapped[UUID | None]
    message: Mapped[str]
    detail: Mapped[dict[str, Any]]
    emitted: Mapped[bytes | None]
    started_at: Mapped[datetime]
    duration_ms: Mapped[int]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        Index("uq_provisioning_log_settled", "consumer", "event_id", unique=True, postgresql_where=text(SETTLED)),
        Index("ix_provisioning_log_project_id", "project_id", "id"),
    )
