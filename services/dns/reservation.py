"""The writes of dns that give places on servers and take them back, under the servers' lock.

Rows are locked in the order project (by the kernel), ``project_domains``, ``servers`` by id, ``capacity_waits``;
everywhere. Of ``capacity_waits`` a project's row is written under that project's lock only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import BindParameter, bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import PlacementStrategy
from services.dns.models import CapacityWait, Placement
from services.dns.placement import Choice, Weights, Wish, allot
from services.dns.servers import (
    candidate_of,
    read_servers,
    read_type_placements,
    read_waits,
    target_of,
    wait_of,
    wish_of,
)
from shared.models import ProjectDomain, Server, Table

_PROJECTS: BindParameter[Any] = bindparam("projects", expanding=True)
_PLACED = (
    select(Placement.__table__, *(column.label(f"host_{column.name}") for column in Server.__table__.columns))
    .join(Server.__table__, Server.id == Placement.server_id)
    .where(Placement.project_id.in_(_PROJECTS))
)
_NAMED = select(ProjectDomain.project_id).where(ProjectDomain.project_id.in_(_PROJECTS), ProjectDomain.is_primary)
_PLACE = insert(Placement)
_RETARGET = update(Placement).where(Placement.project_id == bindparam("project")).values(target=bindparam("facts"))
_COUNT = (
    update(Server)
    .where(Server.id == bindparam("server"))
    .values(
        used=Server.used + bindparam("places"),
        ram_mb_used=Server.ram_mb_used + bindparam("ram"),
        cpu_millicores_used=Server.cpu_millicores_used + bindparam("cpu"),
    )
)
_COUNT_PLACED = _COUNT.values(last_placed_at=bindparam("placed"))
_LOCK_THESE = (
    select(Server.id).where(Server.id.in_(bindparam("ids", expanding=True))).order_by(Server.id).with_for_update()
)
_LEAVE = (
    delete(Placement)
    .where(Placement.project_id.in_(_PROJECTS))
    .returning(Placement.server_id, Placement.ram_mb, Placement.cpu_millicores)
)
_WAIT = upsert(CapacityWait).on_conflict_do_nothing()
_WAIT_NO_MORE = delete(CapacityWait).where(CapacityWait.project_id.in_(_PROJECTS))


@dataclass(frozen=True, slots=True)
class Waiting:
    """The project has no place yet and its turn is written down; `ahead` orders that wait came before it."""

    wish: Wish
    is_told: bool
    ahead: int
    considered: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservePlace:
    """Takes a place on a server for the project; a project that has one keeps it, whatever is asked for now.

    `wish.strategy` is what the order or the setting asks for; with `by_type` a strategy of its own of that project type
    goes before it. Result: the `Placement`; `Waiting`; or None for a project that holds no primary host name.
    """

    wish: Wish
    weights: Weights
    by_type: str | None = None
    rank: ClassVar[int] = 45

    @property
    def kind(self) -> object:
        """One batch."""
        return "reserve_place"

    def wished(self, by_type: Mapping[str, PlacementStrategy]) -> Wish:
        """The wish, with the project type's own strategy if there is one."""
        strategy = by_type.get(self.by_type) if self.by_type else None
        return replace(self.wish, strategy=strategy) if strategy else self.wish

    @classmethod
    async def apply(
        cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]
    ) -> list[Placement | Waiting | None]:
        """Choose for the whole batch over one locked snapshot, nobody before those who have waited longer."""
        projects = {"projects": [project for project, _ in batch]}
        placed = await _placed(connection, projects)
        named = set((await connection.scalars(_NAMED, projects)).all())
        wanting = {project: write for project, write in batch if project in named and project not in placed}
        given = await _give(connection, wanting) if wanting else {}
        idle = [project for project, _ in batch if not isinstance(given.get(project), Waiting)]
        if idle:
            await connection.execute(_WAIT_NO_MORE, {"projects": idle})
        return [placed.get(project) or given.get(project) for project, _ in batch]


@dataclass(frozen=True, slots=True)
class ReleasePlace:
    """Gives the project's place back, once, or its turn; nothing happens without one. Result: None."""

    rank: ClassVar[int] = 46

    @property
    def kind(self) -> object:
        """One batch."""
        return "release_place"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[None]:
        """Delete the placements, then count the servers down."""
        projects = {"projects": [project for project, _ in batch]}
        left = (await connection.execute(_LEAVE, projects)).all()
        if left:
            await connection.execute(_LOCK_THESE, {"ids": [row.server_id for row in left]})
            await connection.execute(
                _COUNT,
                [
                    {"server": row.server_id, "places": -1, "ram": -row.ram_mb, "cpu": -row.cpu_millicores}
                    for row in left
                ],
            )
        await connection.execute(_WAIT_NO_MORE, projects)
        return [None] * len(batch)


async def _placed(connection: AsyncConnection, projects: Mapping[str, Any]) -> dict[UUID, Placement]:
    """Read the placements there are, each with its server as it is now."""
    placed: dict[UUID, Placement] = {}
    moved = []
    for row in (await connection.execute(_PLACED, projects)).all():
        facts = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        placement = Placement(**{column.name: facts[column.name] for column in Placement.__table__.columns})
        target = target_of({column.name: facts[f"host_{column.name}"] for column in Server.__table__.columns})
        if placement.target != target:
            placement.target = target
            moved.append({"project": placement.project_id, "facts": target})
        placed[placement.project_id] = placement
    if moved:
        await connection.execute(_RETARGET, moved)
    return placed


async def _give(
    connection: AsyncConnection, wanting: Mapping[UUID, ReservePlace]
) -> dict[UUID, Placement | Waiting | None]:
    servers = {row.id: row for row in await read_servers(connection, lock=True)}
    waits = {row.project_id: row for row in await read_waits(connection)}
    by_type = await read_type_placements(connection)
    # Whoever has waited keeps the turn and the strategy that it has waited with.
    wishes = {project: write.wished(by_type) for project, write in wanting.items()} | {
        project: wish_of(row) for project, row in waits.items()
    }
    choices = allot(
        [candidate_of(row) for row in servers.values()],
        wishes.values(),
        next(iter(wanting.values())).weights,
        now=next((row.now for row in servers.values()), datetime.now(UTC)),
        absent=wishes.keys() - wanting.keys(),
    )
    given: dict[UUID, Placement | Waiting | None] = {}
    ahead = 0
    for project, choice in choices.items():
        wish = wishes[project]
        if project in wanting and isinstance(choice, Choice):
            server = servers[choice.server.id]
            given[project] = _placement(wish, choice, target_of(server._mapping))  # noqa: SLF001 - as above
            continue
        if project in wanting:
            is_told = project in waits and waits[project].told_at is not None
            given[project] = Waiting(wish, is_told, ahead, choice.considered)
        ahead += 1
    await _write(connection, [each for each in given.values() if isinstance(each, Placement)])
    new = [_columns(wait_of(each.wish)) for each in given.values() if isinstance(each, Waiting)]
    if new:
        await connection.execute(_WAIT, new)
    return given


async def _write(connection: AsyncConnection, placements: Sequence[Placement]) -> None:
    if not placements:
        return
    taken: dict[int, dict[str, Any]] = {}
    for placement in placements:
        new = {"server": placement.server_id, "places": 0, "ram": 0, "cpu": 0}
        counts = taken.setdefault(placement.server_id, new)
        counts["places"] += 1
        counts["ram"] += placement.ram_mb
        counts["cpu"] += placement.cpu_millicores
        counts["placed"] = placement.placed_at
    await connection.execute(_COUNT_PLACED, list(taken.values()))
    await connection.execute(_PLACE, [_columns(placement) for placement in placements])


def _placement(wish: Wish, choice: Choice, target: dict[str, Any]) -> Placement:
    return Placement(
        project_id=wish.project_id,
        server_id=choice.server.id,
        strategy=choice.strategy,
        reason=choice.reason,
        considered=choice.considered,
        target=target,
        ram_mb=wish.need.ram_mb,
        cpu_millicores=wish.need.cpu_millicores,
        placed_at=choice.server.last_placed_at,
    )


def _columns(row: Table) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in type(row).__table__.columns}
