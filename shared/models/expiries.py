"""What ends one day: registered domains, and the certificates of live projects."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import HostNameType, Table, enum_type


class ExpiryKind(StrEnum):
    """What ends."""

    DOMAIN = "domain"
    CERTIFICATE = "certificate"


class Expiry(Table):
    """When something ends. Owner: dns of the domains, bootstrap of the certificates.

    `look_at` is when it is looked at next, `seen_at` when its end was read last; `problem` is why that failed since.
    `began_at` and `issuer` are a certificate's; `renews_itself` and `renewal_cents` (a year's price) a domain's.
    `told_days` is the last threshold of which case workers were told, in days before `ends_at`.
    """

    __tablename__ = "expiries"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[ExpiryKind] = mapped_column(enum_type(ExpiryKind, "expiry_kind"), primary_key=True)
    name: Mapped[str] = mapped_column(HostNameType(), primary_key=True)
    look_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    began_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    issuer: Mapped[str | None]
    renews_itself: Mapped[bool | None]
    renewal_cents: Mapped[int | None]
    problem: Mapped[str | None]
    told_days: Mapped[int | None]

    __table_args__ = (
        CheckConstraint("renewal_cents >= 0", name="renewal_cents_not_negative"),
        Index("ix_expiries_look_at", "kind", "look_at"),
        Index("ix_expiries_ends_at", "ends_at", postgresql_where=text("ends_at IS NOT NULL")),
    )
