"""The writes of dns that decide under a lock: who gets a host name, who gets a place on a server.

Rows are locked in the order project (by the kernel), ``project_domains``, ``servers`` by id; everywhere.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import Row, RowMapping, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import PlacementStrategy, TargetServer
from services.dns.models import Placement
from services.dns.placement import Candidate, Choice, NoRoom, choose
from shared.models import ProjectDomain, Server, ServerState

# Every server, not only the active: a reserving and a releasing transaction then lock in one order.
_LOCK_SERVERS = select(Server.__table__, func.clock_timestamp().label("now")).order_by(Server.id).with_for_update()
_LOCK_THESE = (
    select(Server.id).where(Server.id.in_(bindparam("ids", expanding=True))).order_by(Server.id).with_for_update()
)
_PLACED = (
    select(Placement.__table__, *(column.label(f"host_{column.name}") for column in Server.__table__.columns))
    .join(Server.__table__, Server.id == Placement.server_id)
    .where(Placement.project_id.in_(bindparam("projects", expanding=True)))
)
_NAMED = select(ProjectDomain.project_id).where(
    ProjectDomain.project_id.in_(bindparam("projects", expanding=True)), ProjectDomain.is_primary
)
_PLACE = insert(Placement)
_RETARGET = update(Placement).where(Placement.project_id == bindparam("project")).values(target=bindparam("facts"))
_USE = (
    update(Server)
    .where(Server.id == bindparam("server"))
    .values(used=Server.used + bindparam("places"), last_placed_at=bindparam("placed"))
)
_FREE = update(Server).where(Server.id == bindparam("server")).values(used=Server.used - bindparam("places"))
_LEAVE = (
    delete(Placement)
    .where(Placement.project_id.in_(bindparam("projects", expanding=True)))
    .returning(Placement.server_id)
)


@dataclass(frozen=True, slots=True)
class ReservePlace:
    """Takes a place on a server for the project; a project that has one keeps it, whatever is asked for now.

    Result: the `Placement`, or `NoRoom`. A project that holds no primary host name is given none.
    """

    strategy: PlacementStrategy
    region: str | None = None
    rank: ClassVar[int] = 45

    @property
    def kind(self) -> object:
        """One batch."""
        return "reserve_place"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> list[Placement | NoRoom]:
        """Choose for the whole batch, in order, over one locked snapshot."""
        projects = {"projects": [project for project, _ in batch]}
        placed = await _placed(connection, projects)
        named = set((await connection.scalars(_NAMED, projects)).all())
        wanting = {project: write for project, write in batch if project in named and project not in placed}
        placed |= await _choose_all(connection, wanting)
        return [placed.get(project, NoRoom([])) for project, _ in batch]


@dataclass(frozen=True, slots=True)
class ReleasePlace:
    """Gives the project's place back, once; nothing happens without one. Result: None."""

    rank: ClassVar[int] = 46

    @property
    def kind(self) -> object:
        """One batch."""
        return "release_place"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[None]:
        """Delete the placements, then count the servers down."""
        left = Counter((await connection.scalars(_LEAVE, {"projects": [project for project, _ in batch]})).all())
        if left:
            await connection.execute(_LOCK_THESE, {"ids": list(left)})
            await connection.execute(_FREE, [{"server": server, "places": places} for server, places in left.items()])
        return [None] * len(batch)


async def _placed(connection: AsyncConnection, projects: Mapping[str, Any]) -> dict[UUID, Placement | NoRoom]:
    """Read the placements there are, each with its server as it is now."""
    placed: dict[UUID, Placement | NoRoom] = {}
    moved = []
    for row in (await connection.execute(_PLACED, projects)).all():
        facts = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        placement = Placement(**{column.name: facts[column.name] for column in Placement.__table__.columns})
        target = _target({column.name: facts[f"host_{column.name}"] for column in Server.__table__.columns})
        if placement.target != target:
            placement.target = target
            moved.append({"project": placement.project_id, "facts": target})
        placed[placement.project_id] = placement
    if moved:
        await connection.execute(_RETARGET, moved)
    return placed


async def _choose_all(
    connection: AsyncConnection, wanting: Mapping[UUID, ReservePlace]
) -> dict[UUID, Placement | NoRoom]:
    if not wanting:
        return {}
    rows = {row.id: row for row in (await connection.execute(_LOCK_SERVERS)).all()}
    servers = {row.id: _candidate(row) for row in rows.values()}
    chosen: dict[UUID, Placement | NoRoom] = {}
    for nth, (project, write) in enumerate(wanting.items()):
        choice = choose(list(servers.values()), write.strategy, region=write.region)
        if isinstance(choice, NoRoom):
            chosen[project] = choice
            continue
        row = rows[choice.server.id]
        # A microsecond apart: the next one of this batch must see who was last.
        placed_at: datetime = row.now + timedelta(microseconds=nth)
        servers[row.id] = replace(choice.server, used=choice.server.used + 1, last_placed_at=placed_at)
        chosen[project] = _placement(project, choice, _target(row._mapping), placed_at)  # noqa: SLF001 - as above
    await _write(connection, [each for each in chosen.values() if isinstance(each, Placement)])
    return chosen


async def _write(connection: AsyncConnection, placements: Sequence[Placement]) -> None:
    if not placements:
        return
    taken = Counter(placement.server_id for placement in placements)
    last = {placement.server_id: placement.placed_at for placement in placements}
    await connection.execute(
        _USE, [{"server": server, "places": places, "placed": last[server]} for server, places in taken.items()]
    )
    columns = [column.name for column in Placement.__table__.columns]
    await connection.execute(_PLACE, [{name: getattr(placement, name) for name in columns} for placement in placements])


def _candidate(row: Row[Any]) -> Candidate:
    return Candidate(
        id=row.id,
        name=row.name,
        region=row.region,
        capacity=row.capacity,
        used=row.used,
        active=row.state is ServerState.ACTIVE,
        last_placed_at=row.last_placed_at,
    )


def _target(server: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    return TargetServer(
        id=server["coolify_uuid"],
        name=server["name"],
        region=server["region"],
        ipv4=server["ipv4"],
        ipv6=server["ipv6"],
    ).model_dump(mode="json")


def _placement(project: UUID, choice: Choice, target: dict[str, Any], placed_at: datetime) -> Placement:
    return Placement(
        project_id=project,
        server_id=choice.server.id,
        strategy=choice.strategy,
        reason=choice.reason,
        considered=choice.considered,
        target=target,
        placed_at=placed_at,
    )
