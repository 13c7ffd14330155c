"""What a migration would do to the marketplace's tables, and what stands in its way. Reads only."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, text

from migrations.adoption.catalogue import (
    ADOPTED,
    FoundTable,
    find_tables,
    may_silence_triggers,
    recorded,
    update_triggers,
)
from migrations.adoption.owned import OWN_TABLES, OWN_TYPES
from migrations.adoption.tables import SHAPES
from migrations.adoption.trigrams import missing_right

_TYPES = text("""
    SELECT t.typname FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typnamespace = current_schema()::regnamespace AND t.typname = ANY(:names) ORDER BY 1
""")

_INTEGERS = ("smallint", "integer", "bigint")

WITHOUT_INSERTS = {
    "projects": "provisioning cannot insert a project by itself: the marketplace commits its row, with vrs_id, before "
    "or together with its ProjectOrdered",
    "licenses": "provisioning inserts no licences: it moves vrs_state of those that the marketplace inserts with "
    "their plugin",
    "license_history": "provisioning writes no history there: what it did stands in provisioning_log",
    "project_types": "`vrs db seed` cannot add a type: insert it yourself with its name, then seed its image",
    "plugin_prices": "provisioning adds no prices",
    "bundles": "provisioning adds no bundles: insert them yourself with their name",
}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a database cannot be adopted."""

    what: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.what}: found {self.found}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Extension:
    """What is added to a table of the marketplace's. `added` are columns with their types, `used` columns of its own.

    `rows` is PostgreSQL's estimate; `required` are columns that an insert must name and that we know nothing of.
    """

    table: str
    rows: int
    added: dict[str, str]
    used: tuple[str, ...]
    required: tuple[str, ...]

    @property
    def remark(self) -> str | None:
        """What provisioning cannot do with the table."""
        if not self.required:
            return None
        return f"{self.table} needs {', '.join(self.required)}: {WITHOUT_INSERTS[self.table]}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a first migration does: nothing at all if there are `obstacles`."""

    extended: tuple[Extension, ...]
    made: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the marketplace's engineers must know."""
        return tuple(extension.remark for extension in self.extended if extension.remark)

    def as_json(self) -> dict[str, Any]:
        """Everything, for ``json.dumps``."""
        return asdict(self) | {"remarks": self.remarks}


class CannotAdoptError(Exception):
    """The database cannot be adopted. Nothing was changed. A line for each obstacle."""

    def __init__(self, obstacles: tuple[Obstacle, ...]) -> None:
        super().__init__("\n".join(map(str, obstacles)))


def read_plan(connection: Connection) -> Plan:
    """Look at a database that no migration of ours has completed."""
    found = find_tables(connection, SHAPES)
    noted = recorded(connection)
    theirs = {name: table for name, table in found.items() if not noted or name in noted}
    return Plan(
        extended=tuple(_extension(theirs[name], noted.get(name, [])) for name in SHAPES if name in theirs),
        made=tuple(name for name in SHAPES if name not in theirs),
        obstacles=tuple(_obstacles(connection, theirs, noted)),
    )


def required_of(table: FoundTable) -> tuple[str, ...]:
    """The columns that an insert into one of the marketplace's tables must name and that we know nothing of."""
    shape = SHAPES[table.name]
    known = {column.name for column in shape.added} | {column for column, _ in shape.refers}
    return tuple(column.name for column in table.columns.values() if column.is_required and column.name not in known)


def _extension(table: FoundTable, ours: list[str]) -> Extension:
    wanted = SHAPES[table.name].added
    return Extension(
        table.name,
        table.rows,
        added={added.name: added.type for added in wanted if added.name in ours or added.name not in table.columns},
        used=tuple(added.name for added in wanted if added.name in table.columns and added.name not in ours),
        required=required_of(table),
    )


def _obstacles(
    connection: Connection, theirs: Mapping[str, FoundTable], noted: Mapping[str, list[str]]
) -> Iterator[Obstacle]:
    if not connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')")):
        yield Obstacle("this user", "no CREATE on the schema", "GRANT CREATE ON SCHEMA … TO it")
    if missing := missing_right(connection):
        yield Obstacle("search by name", missing, "CREATE EXTENSION pg_trgm, by a superuser")
    if not noted:
        yield from _names_taken(connection)
    if "projects" not in theirs:
        for name in ("licenses", "license_history"):
            if name in theirs:
                yield Obstacle(name, "it without a table projects", "the marketplace's projects in the same schema")
    for table in theirs.values():
        yield from _of_table(table, noted.get(table.name, []))
        yield from _of_references(table, theirs)
    if "projects" in theirs:
        yield from _of_projects(connection, theirs["projects"])


def _names_taken(connection: Connection) -> Iterator[Obstacle]:
    for name, table in sorted(find_tables(connection, [*OWN_TABLES, ADOPTED]).items()):
        yield Obstacle(name, f"a relation of this name, owned by {table.owner}", "none: provisioning makes its own")
    for name in connection.scalars(_TYPES, {"names": OWN_TYPES}):
        yield Obstacle(name, "a type of this name", "none: provisioning makes its own")


def _of_table(table: FoundTable, ours: list[str]) -> Iterator[Obstacle]:
    if not table.is_plain:
        yield Obstacle(table.name, "no ordinary table (a view, or partitioned)", "an ordinary table")
    if not table.is_mine:
        yield Obstacle(
            table.name, f"a table that {table.owner} owns", f"this user to be its owner: GRANT {table.owner} TO it"
        )
    for added in SHAPES[table.name].added:
        column = table.columns.get(added.name)
        if column is None or added.name in ours:
            continue
        if added.is_ours:
            yield Obstacle(
                f"{table.name}.{added.name}", f"a column of type {column.type}", "none: it is provisioning's"
            )
        elif not column.is_text:
            yield Obstacle(f"{table.name}.{added.name}", f"a column of type {column.type}", "text, or no such column")


def _of_references(table: FoundTable, theirs: Mapping[str, FoundTable]) -> Iterator[Obstacle]:
    for name, target in SHAPES[table.name].refers:
        column = table.columns.get(name)
        key = theirs[target].columns.get("id") if target in theirs else None
        if column is None:
            yield Obstacle(f"{table.name}.{name}", "no such column", f"one that holds {target}.id")
        elif key and column.type != key.type and not {column.type, key.type} <= set(_INTEGERS):
            yield Obstacle(f"{table.name}.{name}", f"the type {column.type}", f"that of {target}.id, {key.type}")


def _of_projects(connection: Connection, projects: FoundTable) -> Iterator[Obstacle]:
    if projects.primary_key != ("id",):
        key = ", ".join(projects.primary_key) or "none"
        yield Obstacle("projects", f"the primary key ({key})", "the primary key (id)")
    always = update_triggers(connection, projects, enabled="A")
    if always:
        yield Obstacle(
            "projects", f"triggers that always fire on UPDATE ({', '.join(always)})", "none: vrs_id must be filled in"
        )
    usual = update_triggers(connection, projects, enabled="O")
    if usual and not may_silence_triggers(connection):
        yield Obstacle(
            "projects",
            f"triggers on UPDATE ({', '.join(usual)}), which filling in vrs_id must not fire",
            "GRANT SET ON PARAMETER session_replication_role TO this user (PostgreSQL 15 or newer)",
        )
