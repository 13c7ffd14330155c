"""Domains that we register for customers, and those that live projects are given."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from contracts import RegistrationHold
from shared.models.table import HostNameType, Table, enum_type, host_check


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
        Index("ix_domain_registrations_held", "project_id", postgresql_where=text("stage = 'held'")),
    )


class AddedDomain(Table):
    """A domain that a project was given after its order. Owner: dns; the marketplace writes down what a person wishes.

    `said_at`: when the newest wish about it was said; not `is_wanted`: it was removed, and the row keeps older wishes
    out. `makes_primary`: it becomes the primary one when it works. `primary_said_at` is when the newest wish about the
    project's primary domain was said, the same in all its rows.

    `pointed_at`: its names lead to the server, and the project's routes have it, since revision `since`; `is_new`: it
    was added, or added again, and its records are not looked after yet. `revision` is that of the last change of the
    project's routes that this row has brought. `connected_at`: it works. `findings` are those of `DnsRecordsNeeded`,
    for a domain held elsewhere, `reminders` counts those that were due.
    """

    __tablename__ = "added_domains"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(HostNameType(), primary_key=True)
    said_at: Mapped[datetime]
    is_wanted: Mapped[bool]
    makes_primary: Mapped[bool]
    primary_said_at: Mapped[datetime | None]
    is_new: Mapped[bool]
    revision: Mapped[int]
    since: Mapped[int]
    pointed_at: Mapped[datetime | None]
    connected_at: Mapped[datetime | None]
    reminders: Mapped[int]
    findings: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        host_check("domain"),
        Index("ix_added_domains_words", "domain", postgresql_using="gin", postgresql_ops={"domain": "gin_trgm_ops"}),
    )
