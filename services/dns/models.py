"""The tables of dns: what it set at INWX and Brevo for a project, and the place that it has, or waits for."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from contracts import DnsRecord, MailRecord, MailRecordType, PlacementStrategy, RecordType, TargetServer
from shared.models import Table
from shared.models.table import HostNameType, enum_type


class RecordHolder(StrEnum):
    """Who sets a record: dns in our INWX account, or the customer wherever the domain is held."""

    INWX = "inwx"
    CUSTOMER = "customer"


class ManagedRecord(Table):
    """A record that a project needs. Owner: dns. What stands here is ours, anything else in a zone is not.

    Held at INWX: without `record_id` it is a create intent, written at `intended_at` before the call and not answered
    yet; `seen_at` is when INWX last confirmed the record. Held by the customer: what the customer was asked to set.
    """

    __tablename__ = "dns_records"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[RecordType] = mapped_column(enum_type(RecordType, "dns_record_type"), primary_key=True)
    content: Mapped[str]
    ttl: Mapped[int]
    holder: Mapped[RecordHolder] = mapped_column(enum_type(RecordHolder, "dns_record_holder"))
    zone: Mapped[str | None]
    record_id: Mapped[str | None]
    intended_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_dns_records_unanswered",
            "intended_at",
            postgresql_where=text("record_id IS NULL AND holder = 'inwx'"),
        ),
        Index("ix_dns_records_zone", "zone", "name"),
    )

    @property
    def key(self) -> tuple[str, RecordType]:
        """Name and type."""
        return self.name, self.type

    @property
    def is_unanswered(self) -> bool:
        """Whether a create was intended and its answer is not known."""
        return self.holder is RecordHolder.INWX and self.record_id is None

    @property
    def says_so(self) -> str:
        """The record in words."""
        return f"{self.type} {self.name} {self.content}"

    def says(self) -> DnsRecord:
        """The record as events tell it."""
        return DnsRecord(name=self.name, type=self.type, content=self.content, ttl=self.ttl)


class CustomerWait(Table):
    """A customer who has DNS records to set, and what is wrong with them today. Owner: dns.

    `findings` are those of `DnsRecordsNeeded`, as they are since `changed_at`; `reminders` counts those that were due.
    """

    __tablename__ = "customer_waits"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    reminders: Mapped[int]
    findings: Mapped[list[Any]]
    changed_at: Mapped[datetime]


class Placement(Table):
    """The place that a project holds on a server, counted in ``servers.used``. Owner: dns.

    `target` is the server as `TargetServer` at the last look, `considered` each server with why it won or lost.
    `ram_mb` and `cpu_millicores` are what the project's plan may use, counted at the server as well.
    """

    __tablename__ = "placements"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id"))
    strategy: Mapped[PlacementStrategy] = mapped_column(enum_type(PlacementStrategy, "placement_strategy"))
    reason: Mapped[str]
    considered: Mapped[list[Any]]
    target: Mapped[dict[str, Any]]
    ram_mb: Mapped[int] = mapped_column(server_default="0")
    cpu_millicores: Mapped[int] = mapped_column(server_default="0")
    placed_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_placements_server_id", "server_id"),)

    @property
    def server(self) -> TargetServer:
        """The server as events tell it."""
        return TargetServer.model_validate(self.target)


class CapacityWait(Table):
    """A project that waits for a place, from its first look in vain until it gets one or is cancelled. Owner: dns.

    `since` is when its order came: the order in which places are given. `told_at`: when `CapacityNeeded` was said.
    """

    __tablename__ = "capacity_waits"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    strategy: Mapped[PlacementStrategy] = mapped_column(enum_type(PlacementStrategy, "placement_strategy"))
    region: Mapped[str | None]
    ram_mb: Mapped[int]
    cpu_millicores: Mapped[int]
    told_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_capacity_waits_since", "since"),)


class ManagedMailRecord(Table):
    """A record for mail that dns made at INWX, or changed. Owner: dns. What stands here is ours, anything else is not.

    `slot` is what it is for. Without `record_id` it is a create intent, as in `ManagedRecord`. `is_merged`: others have
    a part in it, and only ours is ever taken out.
    """

    __tablename__ = "mail_records"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(HostNameType(), primary_key=True)
    slot: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    type: Mapped[MailRecordType] = mapped_column(enum_type(MailRecordType, "mail_record_type"))
    content: Mapped[str]
    priority: Mapped[int | None]
    ttl: Mapped[int]
    zone: Mapped[str]
    record_id: Mapped[str | None]
    is_merged: Mapped[bool]
    intended_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]

    @property
    def is_unanswered(self) -> bool:
        """Whether a create was intended and its answer is not known."""
        return self.record_id is None

    def says(self) -> MailRecord:
        """The record as events tell it."""
        return MailRecord(name=self.name, type=self.type, content=self.content, priority=self.priority, ttl=self.ttl)
