"""Questions about domains: what one costs, asked by the marketplace, answered by dns."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import HostNameType, Table, enum_type, host_check


class Availability(StrEnum):
    """Whether a domain can be registered."""

    FREE = "free"
    TAKEN = "taken"
    IMPOSSIBLE = "impossible"  # no registry gives out such a name


class DomainOffer(Table):
    """A question about a domain, and the last answer to it. Owner: dns; the marketplace asks.

    `cents` of `currency` is what the first year of a free domain costs, or the transfer of one that is taken. An answer
    counts for minutes; dns removes it after an hour.
    """

    __tablename__ = "domain_offers"
    domain: Mapped[str] = mapped_column(HostNameType(), primary_key=True)
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    availability: Mapped[Availability | None] = mapped_column(enum_type(Availability, "domain_availability"))
    cents: Mapped[int | None]
    currency: Mapped[str | None]
    is_premium: Mapped[bool | None]

    __table_args__ = (
        CheckConstraint("(answered_at IS NULL) = (availability IS NULL)", name="answered_with_something"),
        CheckConstraint("cents >= 0", name="cents_not_negative"),
        host_check("domain"),
        Index("ix_domain_offers_open", "asked_at", postgresql_where=text("answered_at IS NULL")),
    )
