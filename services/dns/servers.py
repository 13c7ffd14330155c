"""The servers and whoever waits for them, as the choice of a server sees them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import PlacementStrategy, TargetServer
from services.dns.models import CapacityWait
from services.dns.placement import Candidate, Need, Wish
from shared.models import Server, ServerState, TypePlacement

_SERVERS = select(Server.__table__, func.clock_timestamp().label("now")).order_by(Server.id)
# Every server, not only the active: a reserving and a releasing transaction then lock in one order.
_LOCKED_SERVERS = _SERVERS.with_for_update()
_WAITS = select(CapacityWait.__table__).order_by(CapacityWait.since, CapacityWait.project_id)
_TYPE_PLACEMENTS = select(TypePlacement.project_type, TypePlacement.strategy)


async def read_servers(connection: AsyncConnection, *, lock: bool) -> list[Row[Any]]:
    """Read every server by its id, with the database's time as `now`; with `lock` until the transaction ends."""
    return list((await connection.execute(_LOCKED_SERVERS if lock else _SERVERS)).all())


async def read_waits(connection: AsyncConnection) -> list[Row[Any]]:
    """Read whoever waits for a place, in the order in which the orders came."""
    return list((await connection.execute(_WAITS)).all())


async def read_type_placements(connection: AsyncConnection) -> dict[str, PlacementStrategy]:
    """Read the strategies of the project types that have one of their own."""
    return {row.project_type: row.strategy for row in await connection.execute(_TYPE_PLACEMENTS)}


def candidate_of(row: Row[Any]) -> Candidate:
    """A server for `placement`."""
    return Candidate(
        id=row.id,
        name=row.name,
        region=row.region,
        capacity=row.capacity,
        used=row.used,
        ram_mb=row.ram_mb,
        ram_mb_used=row.ram_mb_used,
        cpu_millicores=row.cpu_millicores,
        cpu_millicores_used=row.cpu_millicores_used,
        active=row.state is ServerState.ACTIVE,
        reach=row.reach,
        last_placed_at=row.last_placed_at,
    )


def wish_of(row: Row[Any]) -> Wish:
    """The wish of a project that waits."""
    return Wish(
        project_id=row.project_id,
        since=row.since,
        strategy=row.strategy,
        region=row.region,
        need=Need(row.ram_mb, row.cpu_millicores),
    )


def wait_of(wish: Wish, *, told_at: datetime | None = None) -> CapacityWait:
    """The row in which a wish waits."""
    return CapacityWait(
        project_id=wish.project_id,
        since=wish.since,
        strategy=wish.strategy,
        region=wish.region,
        ram_mb=wish.need.ram_mb,
        cpu_millicores=wish.need.cpu_millicores,
        told_at=told_at,
    )


def target_of(server: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """A server's columns as events tell it."""
    return TargetServer(
        id=server["coolify_uuid"],
        name=server["name"],
        region=server["region"],
        ipv4=server["ipv4"],
        ipv6=server["ipv6"],
    ).model_dump(mode="json")
