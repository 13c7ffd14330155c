"""Domains that come to us from other registrars."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from contracts import TransferProblem
from shared.models.table import HostNameType, Table, enum_type, host_check


class TransferStage(StrEnum):
    """How far a transfer is. From `INTENDED` on it may have cost money."""

    REQUESTED = "requested"
    FAILED = "failed"  # a case worker is asked
    INTENDED = "intended"  # about to be ordered, or ordered without an answer
    PENDING = "pending"  # ordered, registry and losing registrar are at it
    TRANSFERRED = "transferred"


class DomainTransfer(Table):
    """A domain that comes to us for a project. Owner: dns; the marketplace asks for it and answers what has failed.

    `auth_code` is encrypted (`shared.seal`), and gone once INWX has taken it or it has failed. `registrant` is
    forgotten when the domain is ours; `contact_id` is its handle at INWX. `zone_made`: the zone at INWX was made for
    this; `kept_records` are the customer's that were copied into it, a line each. `intended_at` is when it was last
    about to be ordered. Money in cents of euros.
    """

    __tablename__ = "domain_transfers"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(HostNameType(), primary_key=True)
    stage: Mapped[TransferStage] = mapped_column(enum_type(TransferStage, "transfer_stage"))
    problem: Mapped[TransferProblem | None] = mapped_column(enum_type(TransferProblem, "transfer_problem"))
    auth_code: Mapped[bytes | None]
    registrant: Mapped[dict[str, Any] | None]
    max_cents: Mapped[int]
    contact_id: Mapped[int | None]
    zone_made: Mapped[bool]
    kept_records: Mapped[list[Any]]
    intended_at: Mapped[datetime | None]
    cents: Mapped[int | None]
    expires_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("max_cents >= 0 AND cents >= 0", name="cents_not_negative"),
        CheckConstraint("(stage = 'failed') = (problem IS NOT NULL)", name="failed_for_a_reason"),
        CheckConstraint("auth_code IS NULL OR stage NOT IN ('pending', 'transferred')", name="auth_code_forgotten"),
        Index("uq_domain_transfers_domain", "domain", unique=True),
        host_check("domain"),
    )


class TransferWithdrawal(Table):
    """That a transfer is not wanted any more. The marketplace writes it; it goes with its transfer, which dns undoes.

    A row of its own, so that nothing that dns writes about the transfer meanwhile can cover it. It stays beside a
    transfer for which it came too late.
    """

    __tablename__ = "transfer_withdrawals"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(HostNameType(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "domain"], ["domain_transfers.project_id", "domain_transfers.domain"], ondelete="CASCADE"
        ),
    )
