"""The marketplace's own tables, as far as provisioning reads them. On an existing database they are only extended."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import Table, enum_type


class LicenseState(StrEnum):
    """A licence counts while it is active."""

    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"


class ProjectType(Table):
    """What can be ordered, and the image that runs it. Owner: marketplace."""

    __tablename__ = "project_types"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    image: Mapped[str]
    image_tag: Mapped[str]
    port: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PluginPrice(Table):
    """What a plugin costs a month, in cents. Owner: marketplace."""

    __tablename__ = "plugin_prices"
    plugin: Mapped[str] = mapped_column(primary_key=True)
    cents: Mapped[int]
    currency: Mapped[str] = mapped_column(server_default="EUR")

    __table_args__ = (CheckConstraint("cents >= 0", name="cents_not_negative"),)


class License(Table):
    """A project's licence for a plugin. Owner: marketplace."""

    __tablename__ = "licenses"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    plugin: Mapped[str]
    state: Mapped[LicenseState] = mapped_column(enum_type(LicenseState, "license_state"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LicenseHistory(Table):
    """Each change of a licence's state. Owner: marketplace."""

    __tablename__ = "license_history"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    license_id: Mapped[int] = mapped_column(ForeignKey("licenses.id", ondelete="CASCADE"), index=True)
    state: Mapped[LicenseState] = mapped_column(enum_type(LicenseState, "license_state"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class PreviewAccess(Table):
    """A link to a project before it is public; only the token's hash is kept. Owner: marketplace."""

    __tablename__ = "preview_accesses"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    project_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    uses_left: Mapped[int | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_preview_accesses_project_id", "project_id"),)
