"""What PostgreSQL's catalogue says of the tables that stand in the current schema."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text

ADOPTED = "vrs_adopted_tables"
"""Our note of which tables were there before us, and which columns we gave them: what a downgrade goes by."""

_TABLES = text("""
    SELECT c.oid, c.relname AS name, c.relkind::text AS kind, c.reltuples::bigint AS rows, c.relispartition AS is_part,
           pg_get_userbyid(c.relowner) AS owner, pg_has_role(c.relowner, 'USAGE') AS is_mine,
           (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_index i
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
            WHERE i.indrelid = c.oid AND i.indisprimary) AS primary_key
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(:names)
""")

_COLUMNS = text("""
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, t.typcategory::text AS category,
           a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS is_required
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = :table AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
""")

_TRIGGERS = text("""
    SELECT tgname FROM pg_trigger
    WHERE tgrelid = :table AND NOT tgisinternal AND tgtype & 16 <> 0 AND tgattr = ''::int2vector
      AND tgenabled::text = ANY(:enabled) ORDER BY 1
""")

_RECORDED = text(f"SELECT name, added FROM {ADOPTED}")  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True)
class Column:
    """`type` as PostgreSQL writes it; `is_required`: an insert must name it."""

    name: str
    type: str
    is_text: bool
    is_required: bool


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A relation of a name that we look for. `rows` is the planner's estimate, -1 if it has none."""

    oid: int
    name: str
    kind: str
    rows: int
    owner: str
    is_mine: bool
    primary_key: tuple[str, ...]
    columns: dict[str, Column]

    @property
    def is_plain(self) -> bool:
        """Whether it is an ordinary table, neither view nor partitioned nor a part."""
        return self.kind == "r"


def find_tables(connection: Connection, names: Collection[str]) -> dict[str, FoundTable]:
    """Read those of `names` that exist in the current schema."""
    found = {}
    for row in connection.execute(_TABLES, {"names": list(names)}).all():
        columns = {
            column.name: Column(column.name, column.type, column.category == "S", column.is_required)
            for column in connection.execute(_COLUMNS, {"table": row.oid})
        }
        kind = "part" if row.is_part else row.kind
        key = tuple(row.primary_key or ())
        found[row.name] = FoundTable(row.oid, row.name, kind, row.rows, row.owner, row.is_mine, key, columns)
    return found


def recorded(connection: Connection) -> dict[str, list[str]]:
    """The adopted tables with the columns that we added to each; empty if all tables are ours."""
    if not connection.scalar(text("SELECT to_regclass(:name)"), {"name": ADOPTED}):
        return {}
    return {row.name: row.added for row in connection.execute(_RECORDED)}


def update_triggers(connection: Connection, table: FoundTable, *, enabled: str) -> list[str]:
    """The names of the marketplace's triggers that an update of our column fires; `enabled`: ``tgenabled`` letters."""
    return list(connection.scalars(_TRIGGERS, {"table": table.oid, "enabled": list(enabled)}))


def may_silence_triggers(connection: Connection) -> bool:
    """Whether this user may set ``session_replication_role``."""
    return bool(connection.scalar(text("SELECT has_parameter_privilege('session_replication_role', 'SET')")))
