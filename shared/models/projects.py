"""Projects as the marketplace and provisioning share them, and what was ordered."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import DDL, CheckConstraint, Identity, Index, event, func, text
from sqlalchemy.orm import Mapped, mapped_column

from contracts import Locale, PlacementStrategy
from contracts.event import LABEL
from shared.hosts import as_shown
from shared.models.marketplace import Key, KeyType
from shared.models.table import HostNameType, Table, enum_type, host_check


class ProvisioningState(StrEnum):
    """Where a project stands. `CANCELLED` is the only end; `FAILED` goes on with a replay."""

    ORDERED = "ordered"
    WAITING_FOR_CAPACITY = "waiting_for_capacity"
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    WAITING_FOR_DOMAIN = "waiting_for_domain"
    DNS_CONFIGURED = "dns_configured"
    APP_DEPLOYED = "app_deployed"
    LIVE = "live"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


class Project(Table):
    """A customer's project. Owner: marketplace; provisioning adds `vrs_id`, `provisioning_state`, `step_due_at`.

    `vrs_id` is the project's id in events and in all our tables. The two others are moved by the step that made
    them true, in that step's own commit; a project with whom provisioning has nothing to do has none of them.
    On a table of the marketplace's `id` may be a UUID, `name` and `slug` null, and `created_at` is missing.
    """

    __tablename__ = "projects"
    id: Mapped[Key] = mapped_column(KeyType(), Identity(), primary_key=True)
    vrs_id: Mapped[UUID] = mapped_column(unique=True, server_default=text("gen_random_uuid()"))
    name: Mapped[str]
    slug: Mapped[str]
    provisioning_state: Mapped[ProvisioningState | None] = mapped_column(
        enum_type(ProvisioningState, "provisioning_state")
    )
    step_due_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index(
            "ix_projects_step_due_at",
            "step_due_at",
            postgresql_where=text("step_due_at IS NOT NULL"),
        ),
        Index(
            "ix_projects_provisioning_state",
            "provisioning_state",
            "vrs_id",
            postgresql_where=text("provisioning_state IS NOT NULL"),
        ),
    )


class ProjectOrder(Table):
    """The facts of ProjectOrdered, and the only place beside it that holds the customer's contact. Owner: dns.

    Once it is forgotten, at `forgotten_at`, name and address are empty.
    """

    __tablename__ = "project_orders"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    correlation_id: Mapped[UUID]
    slug: Mapped[str]
    fqdn: Mapped[str] = mapped_column(HostNameType())
    base_domain: Mapped[str | None]
    project_type: Mapped[str]
    plan: Mapped[str]
    plugins: Mapped[list[Any]]
    locale: Mapped[Locale] = mapped_column(enum_type(Locale, "locale"))
    placement: Mapped[PlacementStrategy | None] = mapped_column(enum_type(PlacementStrategy, "placement_strategy"))
    region: Mapped[str | None]
    customer_name: Mapped[str]
    customer_email: Mapped[str]
    ordered_at: Mapped[datetime]
    forgotten_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"slug ~ '^{LABEL}$'", name="slug_valid"),
        host_check("fqdn"),
        Index(
            "ix_project_orders_words",
            "slug",
            "fqdn",
            postgresql_using="gin",
            postgresql_ops={"slug": "gin_trgm_ops", "fqdn": "gin_trgm_ops"},
        ),
    )


_TRIGRAMS = DDL("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # type: ignore[no-untyped-call]  # SQLAlchemy's
event.listen(Table.metadata, "before_create", _TRIGRAMS)


class ProjectDomain(Table):
    """A host name under which a project answers. Owner: dns, and whoever takes orders (`shared.names`).

    One primary name per project, one project per name: so a slug is unique below its base domain. `is_coming`: claimed
    for a transfer; nothing leads there yet.
    """

    __tablename__ = "project_domains"
    host: Mapped[str] = mapped_column(HostNameType(), primary_key=True)
    project_id: Mapped[UUID]
    is_primary: Mapped[bool]
    is_coming: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("uq_project_domains_primary", "project_id", unique=True, postgresql_where=text("is_primary")),
        Index("ix_project_domains_project_id", "project_id"),
        host_check("host"),
    )

    @property
    def shown(self) -> str:
        """The name as people read it."""
        return as_shown(self.host)
