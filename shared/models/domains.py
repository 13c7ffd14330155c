"""Domains that we register for customers."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from contracts import RegistrationHold
from shared.models.table import HostNameType, Table, enum_type


class RegistrationStage(StrEnum):
    """How far a registration is. From `INTENDED` on it may have cost money."""

    REQUESTED = "requested"
    HELD = "held"  # a case worker is asked
    INTENDED = "intended"  # about to be ordered, or ordered without an answer
    PENDING = "pending"  # ordered, the registry is at it
    REGISTERED = "registered"


class DomainRegistration(Table):
    """A domain that is registered for a project. Owner: dns; the desk answers what is held (`stage`, `hold`).

    `registrant` is the order's, forgotten when the registry has it; `contact_id` is its handle at INWX. `zone_made`:
    the zone at INWX was made for this. `intended_at` is when it was last about to be ordered. Money in cents of euros.
    """

    __tablename__ = "domain_registrations"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(HostNameType())
    stage: Mapped[RegistrationStage] = mapped_column(enum_type(RegistrationStage, "registration_stage"))
    hold: Mapped[RegistrationHold | None] = mapped_column(enum_type(RegistrationHold, "registration_hold"))
    registrant: Mapped[dict[str, Any] | None]
    max_cents: Mapped[int]
    contact_id: Mapped[int | None]
    zone_made: Mapped[bool]
    intended_at: Mapped[datetime | None]
    cents: Mapped[int | None]
    expires_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("max_cents >= 0 AND cents >= 0", name="cents_not_negative"),
        CheckConstraint("(stage = 'held') = (hold IS NOT NULL)", name="held_for_a_reason"),
        Index("ix_domain_registrations_domain", "domain"),
    )

    def changed(self, **values: Any) -> "DomainRegistration":
        """Return a copy with other values."""
        columns = {column.name: getattr(self, column.name) for column in type(self).__table__.columns}
        return DomainRegistration(**columns | values)
