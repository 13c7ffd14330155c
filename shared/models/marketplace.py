"""The marketplace's own tables, as far as provisioning reads and writes them; where they exist they are extended.

Our columns there begin with ``vrs_``: so they never meet one of the marketplace's. On its tables they may be null, and
their rows have keys of the marketplace's type; on those that we have made they are as strict as the models say.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, TypeDecorator, func, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import NULLTYPE, TypeEngine

from shared.models.table import Table, enum_type

Key = Any
"""A key of the marketplace's: an int or a UUID."""


class KeyType(TypeDecorator[Key]):
    """A key in one of the marketplace's tables: bigint where we make the table, else of whatever type it is there.

    What it is compared with is sent without a type, so PostgreSQL takes it for that of the column.
    """

    impl = BigInteger
    cache_ok = True

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:  # noqa: ARG002 - SQLAlchemy's signature
        """Claim no type for the other side."""
        return NULLTYPE


class LicenseState(StrEnum):
    """A licence counts while it is active: from when the project is live until it is cancelled."""

    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"


class ProjectType(Table):
    """What can be ordered, and the image that runs it. Owner: marketplace; the seed writes the image."""

    __tablename__ = "project_types"
    id: Mapped[Key] = mapped_column(KeyType(), Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    image: Mapped[str] = mapped_column("vrs_image", key="image")
    image_tag: Mapped[str] = mapped_column("vrs_image_tag", key="image_tag")
    port: Mapped[int] = mapped_column("vrs_port", key="port")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (CheckConstraint("vrs_port BETWEEN 1 AND 65535", name="port_valid"),)


def _price_checks() -> tuple[CheckConstraint, CheckConstraint]:
    return (
        CheckConstraint("vrs_cents >= 0", name="cents_not_negative"),
        CheckConstraint("vrs_currency ~ '^[A-Z]{3}$'", name="currency_valid"),
    )


class PluginPrice(Table):
    """What a plugin costs a month, in cents of `currency` (ISO 4217). Owner: marketplace."""

    __tablename__ = "plugin_prices"
    plugin: Mapped[str] = mapped_column(primary_key=True)
    cents: Mapped[int] = mapped_column("vrs_cents", key="cents")
    currency: Mapped[str] = mapped_column("vrs_currency", key="currency", server_default="EUR")

    __table_args__ = _price_checks()


class Bundle(Table):
    """A set of plugins with a price of its own, in cents a month of `currency`. Owner: marketplace."""

    __tablename__ = "bundles"
    name: Mapped[str] = mapped_column(primary_key=True)
    cents: Mapped[int] = mapped_column("vrs_cents", key="cents")
    currency: Mapped[str] = mapped_column("vrs_currency", key="currency", server_default="EUR")

    __table_args__ = _price_checks()


class BundlePlugin(Table):
    """A plugin of a bundle, in the version that an order gets. Owner: the seed and the marketplace.

    No foreign key: the marketplace's `bundles` may have no unique name.
    """

    __tablename__ = "bundle_plugins"
    bundle: Mapped[str] = mapped_column(primary_key=True)
    plugin: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str]


class License(Table):
    """A project's licence for a plugin. Owner: marketplace; deploy and bootstrap move `state` (`shared.licenses`).

    Of a project and plugin, one licence at most is pending or active.
    """

    __tablename__ = "licenses"
    id: Mapped[Key] = mapped_column(KeyType(), Identity(), primary_key=True)
    project_id: Mapped[Key] = mapped_column(KeyType(), ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    plugin: Mapped[str]
    version: Mapped[str | None] = mapped_column("vrs_version", key="version")
    state: Mapped[LicenseState] = mapped_column("vrs_state", enum_type(LicenseState, "license_state"), key="state")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index(
            "uq_licenses_in_force",
            "project_id",
            "plugin",
            unique=True,
            postgresql_where=text("vrs_state IN ('pending', 'active')"),
        ),
    )


class LicenseHistory(Table):
    """Each change of a licence's state. Owner: as the licence's state."""

    __tablename__ = "license_history"
    id: Mapped[Key] = mapped_column(KeyType(), Identity(), primary_key=True)
    license_id: Mapped[Key] = mapped_column(KeyType(), ForeignKey("licenses.id", ondelete="CASCADE"), index=True)
    state: Mapped[LicenseState] = mapped_column("vrs_state", enum_type(LicenseState, "license_state"), key="state")
    at: Mapped[datetime] = mapped_column("vrs_at", key="at", server_default=func.now())


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
    created_by: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        Index("ix_preview_accesses_project_id", "project_id"),
        CheckConstraint("uses_left >= 0", name="uses_left_not_negative"),
        CheckConstraint("expires_at > created_at", name="limited_in_time"),
    )
