"""Servers with their capacity, how they are chosen, and the domains under which projects get a name."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Identity, func
from sqlalchemy.orm import Mapped, mapped_column

from contracts import PlacementStrategy
from shared.models.table import HostNameType, Table, enum_type, host_check


class ServerState(StrEnum):
    """Whether new projects may be placed on a server."""

    ACTIVE = "active"
    DRAINING = "draining"


class ServerReach(StrEnum):
    """What Coolify says of a server. Only `USABLE` ones get new projects; so are those that nobody has asked about."""

    USABLE = "usable"
    UNREACHABLE = "unreachable"
    UNUSABLE = "unusable"  # reached, and Docker is not ready there
    UNKNOWN = "unknown"  # Coolify lists no server of this uuid


class Server(Table):
    """A Hetzner server under Coolify. Owner: the seed and ops.

    dns moves `used`, never beyond `capacity`, and with it the megabytes and thousandths of a core that the projects'
    plans may use; `ram_mb` and `cpu_millicores` are what the server has, null where nobody has said. deploy moves
    `reach`.
    """

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
    reach: Mapped[ServerReach] = mapped_column(
        enum_type(ServerReach, "server_reach"), server_default=ServerReach.USABLE.value
    )
    ram_mb: Mapped[int | None]
    ram_mb_used: Mapped[int] = mapped_column(server_default="0")
    cpu_millicores: Mapped[int | None]
    cpu_millicores_used: Mapped[int] = mapped_column(server_default="0")
    last_placed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("used >= 0 AND used <= capacity", name="used_within_capacity"),
        CheckConstraint("capacity >= 0", name="capacity_not_negative"),
        CheckConstraint("ram_mb > 0", name="ram_positive"),
        CheckConstraint("cpu_millicores > 0", name="cpu_positive"),
        CheckConstraint("ram_mb_used >= 0 AND cpu_millicores_used >= 0", name="resources_used_not_negative"),
    )


class TypePlacement(Table):
    """How the servers for projects of a type are chosen, unless the order says so. Owner: the seed."""

    __tablename__ = "type_placements"
    project_type: Mapped[str] = mapped_column(primary_key=True)
    strategy: Mapped[PlacementStrategy] = mapped_column(enum_type(PlacementStrategy, "placement_strategy"))


class BaseDomain(Table):
    """A zone of ours at INWX under which projects get ``slug.name``. Owner: the seed and ops."""

    __tablename__ = "base_domains"
    name: Mapped[str] = mapped_column(HostNameType(), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (host_check("name"),)
