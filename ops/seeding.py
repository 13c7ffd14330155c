"""Brings the database to what a seed says: the difference first, then all of it or nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ops.failure import CommandError
from ops.seed import Seed
from shared.models import BaseDomain, PluginPrice, ProjectType, Server, Table, TypePlacement

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('vrs db seed'))")


@dataclass(frozen=True, slots=True)
class Change:
    """A row that is new, or whose columns get other values: `(old, new)` by name; of a new row, old is None."""

    table: str
    name: str
    is_new: bool
    columns: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.is_new:
            values = ", ".join(f"{column} {new}" for column, (_, new) in self.columns.items() if new is not None)
            return f"+ {self.table} {self.name}" + (f": {values}" if values else "")
        moves = ", ".join(f"{column} {_shown(old)} -> {_shown(new)}" for column, (old, new) in self.columns.items())
        return f"~ {self.table} {self.name}: {moves}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a seed would change, and how many rows it would leave as they are."""

    changes: list[Change]
    same: int

    @property
    def changes_existing(self) -> bool:
        """Whether something that is there would be another."""
        return any(not change.is_new for change in self.changes)


async def difference(engine: AsyncEngine, seed: Seed) -> Difference:
    """Compare the database with the seed.

    Raises:
        CommandError: names what the database could not take.

    """
    async with engine.connect() as connection:
        return await _difference(connection, seed)


async def write_seed(engine: AsyncEngine, seed: Seed, shown: Difference | None = None) -> Difference:
    """Insert what is missing and update the rest, all or nothing; return what was done.

    A field that the seed leaves out stays as it is, and so does whatever is counted: taken places, memory and cores.

    Raises:
        CommandError: names what the database cannot take, or the difference is another one than was `shown`.

    """
    async with engine.begin() as connection:
        await connection.execute(_LOCK)
        found = await _difference(connection, seed, lock=True)
        if shown is not None and found != shown:
            raise CommandError("Somebody has changed the database meanwhile: nothing was written, seed again")
        for model, key, rows in _wanted(seed):
            for change in (each for each in found.changes if each.table == model.__tablename__):
                row = rows[change.name]
                if change.is_new:
                    await connection.execute(insert(model).values(row))
                else:
                    is_it = inspect(model).columns[key] == change.name
                    changed = {column: row[column] for column in change.columns}
                    await connection.execute(update(model).where(is_it).values(changed))
    return found


async def _difference(connection: AsyncConnection, seed: Seed, *, lock: bool = False) -> Difference:
    changes: list[Change] = []
    same = 0
    problems: list[str] = []
    for model, key, rows in _wanted(seed):
        if not rows:
            continue
        column = inspect(model).columns[key]
        query = select(model.__table__).where(column.in_(rows)).order_by(column)
        found = await connection.execute(query.with_for_update() if lock else query)
        there = {getattr(row, key): row._mapping for row in found}  # noqa: SLF001 - SQLAlchemy's public name
        for name, row in rows.items():
            old = there.get(name)
            moved = {
                column: (None if old is None else old[column], new)
                for column, new in row.items()
                if column != key and (old is None or old[column] != new)
            }
            if old is not None and not moved:
                same += 1
                continue
            changes.append(Change(model.__tablename__, name, old is None, moved))
            if old is not None and row.get("capacity", old.get("used", 0)) < old.get("used", 0):
                problems.append(
                    f"servers {name}: capacity {row['capacity']} is below the {old['used']} places that are taken: "
                    f"give at least {old['used']}, or drain it (`vrs servers drain {name}`) and cancel projects first"
                )
    problems += await _taken_uuids(connection, seed)
    if problems:
        raise CommandError("\n".join([*problems, "Nothing was written."]))
    return Difference(changes, same)


async def _taken_uuids(connection: AsyncConnection, seed: Seed) -> list[str]:
    """Servers at Coolify that the database knows under other names."""
    uuids = {server.coolify_uuid: server.name for server in seed.servers}
    found = await connection.execute(select(Server.name, Server.coolify_uuid).where(Server.coolify_uuid.in_(uuids)))
    return [
        f"servers {uuids[row.coolify_uuid]}: the database knows {row.coolify_uuid} as {row.name}: correct the uuid, or "
        f"remove that one first (`vrs servers remove {row.name}`)"
        for row in found
        if uuids[row.coolify_uuid] != row.name
    ]


def _wanted(seed: Seed) -> Iterator[tuple[type[Table], str, dict[str, dict[str, Any]]]]:
    """Each table with its key and the rows that should be there by key, with the columns that the files name."""
    types = [(kind.name, kind.model_dump(exclude_unset=True)) for kind in seed.project_types]
    prices = [(price.plugin, price.model_dump(exclude_unset=True)) for price in seed.plugin_prices]
    yield BaseDomain, "name", {name: {"name": name} for name in seed.base_domains}
    yield ProjectType, "name", {name: _without(row, "placement") for name, row in types}
    yield (
        TypePlacement,
        "project_type",
        {name: {"project_type": name, "strategy": row["placement"]} for name, row in types if row.get("placement")},
    )
    yield PluginPrice, "plugin", dict(prices)
    yield Server, "name", {server.name: server.row() for server in seed.servers}


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
