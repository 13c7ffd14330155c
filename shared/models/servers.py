"""Servers with their capacity, and the domains under which projects get a name."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Identity, func
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import HostNameType, Table, enum_type, host_check


class ServerState(StrEnum):
    """Whether new projects may be placed on a server."""

    ACTIVE = "active"
    DRAINING = "draining"


class Server(Table):
    """A Hetzner server under Coolify. Owner: the seed and ops; dns moves `used`, never beyond `capacity`."""

    __tablename__ = "servers"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    coolify_uuid: Mapped[str] = mapped_column(unique=True)
    region: Mapped[str]
    ipv4: Mapped[str]
    ipv6: Mapped[str | None]
    capacity: Mapped[int]
    used: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[ServerState] = mapped_column(
        enum_type(ServerState, "server_state"), server_default=ServerState.ACTIVE.value
    )
    last_placed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("used >= 0 AND used <= capacity", name="used_within_capacity"),
        CheckConstraint("capacity >= 0", name="capacity_not_negative"),
    )


class BaseDomain(Table):
    """A zone of ours at INWX under which projects get ``slug.name``. Owner: the seed and ops."""

    __tablename__ = "base_domains"
    name: Mapped[str] = mapped_column(HostNameType(), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (host_check("name"),)
