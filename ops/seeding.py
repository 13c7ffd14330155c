"""Brings the database to what a seed says: the difference first, then all of it or nothing.

The marketplace's own tables may have other keys than ours, names that are not unique, and columns that we know nothing
of: of them only the columns that a seed fills are read and written, and what cannot be told apart is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from migrations.adoption.catalogue import find_tables, recorded
from migrations.adoption.plan import WITHOUT_INSERTS, required_of
from ops.failure import CommandError
from ops.seed import Seed
from ops.seed_rows import Key, Wanted, wanted_of
from shared.models import Server

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('vrs db seed'))")
_COUNTED = {Server.__tablename__: {"used"}}
"""What is read beside the columns that seeds fill."""


class ChangeKind(StrEnum):
    """What becomes of a row."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


_SIGNS = {ChangeKind.ADDED: "+", ChangeKind.CHANGED: "~", ChangeKind.REMOVED: "-"}


@dataclass(frozen=True, slots=True)
class Change:
    """A row that is added, changed or removed. `columns`: `(old, new)` by name; of an added row, old is None."""

    table: str
    key: Key
    kind: ChangeKind
    columns: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The row as people name it."""
        return " ".join(self.key)

    def __str__(self) -> str:
        if self.kind is ChangeKind.CHANGED:
            said = [f"{column} {_shown(old)} -> {_shown(new)}" for column, (old, new) in self.columns.items()]
        else:
            said = [f"{column} {new}" for column, (_, new) in self.columns.items() if new is not None]
        return f"{_SIGNS[self.kind]} {self.table} {self.name}" + (f": {', '.join(said)}" if said else "")


@dataclass(frozen=True, slots=True)
class Difference:
    """What a seed would change, and how many rows it would leave as they are."""

    changes: list[Change]
    same: int

    @property
    def changes_existing(self) -> bool:
        """Whether something that is there would be another, or go."""
        return any(change.kind is not ChangeKind.ADDED for change in self.changes)

    def count(self, kind: ChangeKind) -> int:
        """How many rows are added, changed, or removed."""
        return sum(change.kind is kind for change in self.changes)


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
        for wanted in wanted_of(seed):
            for change in found.changes:
                if change.table == wanted.table:
                    await _write(connection, wanted, change)
    return found


async def _write(connection: AsyncConnection, wanted: Wanted, change: Change) -> None:
    is_it = and_(*(column == value for column, value in zip(_columns(wanted), change.key, strict=True)))
    if change.kind is ChangeKind.REMOVED:
        await connection.execute(delete(wanted.model).where(is_it))
        return
    values = {column: new for column, (_, new) in change.columns.items()}
    if change.kind is ChangeKind.CHANGED:
        await connection.execute(update(wanted.model).where(is_it).values(values))
        return
    named = dict(zip(wanted.key, change.key, strict=True))
    # Inline: a table of the marketplace's need not have the key that would be returned.
    await connection.execute(insert(wanted.model).values(named | values).inline())


async def _difference(connection: AsyncConnection, seed: Seed, *, lock: bool = False) -> Difference:
    changes: list[Change] = []
    same = 0
    problems: list[str] = []
    for wanted in wanted_of(seed):
        if not wanted.rows:
            continue
        there = await _there(connection, wanted, lock=lock)
        moved = list(_compared(wanted, there))
        same += len(wanted.rows) - sum(change.kind is not ChangeKind.REMOVED for change in moved)
        changes += moved
        problems += _below_used(moved, there)
        problems += [
            f"{wanted.table} {' '.join(key)}: the database has {len(rows)} rows of this name: leave one, or name the "
            "others differently"
            for key, rows in there.items()
            if len(rows) > 1
        ]
        if any(change.kind is ChangeKind.ADDED for change in moved):
            problems += await connection.run_sync(_takes_none, wanted, moved)
    problems += await _taken_uuids(connection, seed)
    if problems:
        raise CommandError("\n".join([*problems, "Nothing was written."]))
    return Difference(changes, same)


async def _there(connection: AsyncConnection, wanted: Wanted, *, lock: bool) -> dict[Key, list[dict[str, Any]]]:
    """The rows of the database that are wanted, or not wanted any more, by their keys."""
    key = _columns(wanted)
    read = {column for row in wanted.rows.values() for column in row.whole} | _COUNTED.get(wanted.table, set())
    columns = [inspect(wanted.model).columns[name] for name in sorted(read)]
    query = select(*key, *columns).where(key[0].in_({first for first, *_ in wanted.rows})).order_by(*key)
    found: dict[Key, list[dict[str, Any]]] = {}
    for row in await connection.execute(query.with_for_update() if lock else query):
        values = dict(zip(sorted(read), row[len(key) :], strict=True))
        found.setdefault(tuple(row[: len(key)]), []).append(values)
    return found


def _columns(wanted: Wanted) -> list[ColumnElement[Any]]:
    return [inspect(wanted.model).columns[name] for name in wanted.key]


def _compared(wanted: Wanted, there: dict[Key, list[dict[str, Any]]]) -> Iterator[Change]:
    for key, row in wanted.rows.items():
        if key not in there:
            new_row = {name: (None, new) for name, new in row.whole.items() if new is not None}
            yield Change(wanted.table, key, ChangeKind.ADDED, new_row)
        elif moved := {
            name: (old, new)
            for name, new in row.whole.items()
            if (old := there[key][0][name]) != new and (old is None or name in row.given)
        }:
            yield Change(wanted.table, key, ChangeKind.CHANGED, moved)
    for key in there:
        if wanted.complete and key not in wanted.rows:
            yield Change(wanted.table, key, ChangeKind.REMOVED)


def _below_used(moved: list[Change], there: dict[Key, list[dict[str, Any]]]) -> Iterator[str]:
    for change in moved:
        _, capacity = change.columns.get("capacity", (None, None))
        used = there[change.key][0]["used"] if capacity is not None and change.kind is ChangeKind.CHANGED else 0
        if capacity is not None and capacity < used:
            yield (
                f"servers {change.name}: capacity {capacity} is below the {used} places that are taken: "
                f"give at least {used}, or drain it (`vrs servers drain {change.name}`) and cancel projects first"
            )


def _takes_none(connection: Connection, wanted: Wanted, moved: list[Change]) -> list[str]:
    """Why rows cannot be added to a table of the marketplace's."""
    if wanted.table not in recorded(connection):
        return []
    needs = required_of(find_tables(connection, [wanted.table])[wanted.table])
    names = ", ".join(change.name for change in moved if change.kind is ChangeKind.ADDED)
    remedy = WITHOUT_INSERTS[wanted.table]
    return [f"{wanted.table}: {names} cannot be added, it needs {', '.join(needs)} too: {remedy}"] if needs else []


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


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
