"""The servers as people see and change them, by command or over HTTP."""

from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts import Slug, Text
from shared.errors import RefusedError, UnknownError
from shared.models import Server, ServerReach, ServerState

MOST_NAMED = 5

_DISTINCT = ("name", "coolify_uuid", "ipv4", "ipv6")

_WAITING = text("SELECT count(*) FROM capacity_waits")
_HELD = text("""
    SELECT p.project_id, o.slug FROM placements p LEFT JOIN project_orders o ON o.project_id = p.project_id
    WHERE p.server_id = :server ORDER BY p.placed_at
""")


class NewServer(BaseModel):
    """A server; `coolify_uuid` is its uuid at Coolify, `capacity` the most projects that it may hold.

    `ram_mb` and `cpu_cores` are what it has for projects; without them only the number of projects counts.
    """

    model_config = ConfigDict(extra="forbid")

    name: Slug
    coolify_uuid: Text
    region: Slug
    ipv4: IPv4Address
    ipv6: IPv6Address | None = None
    capacity: Annotated[int, Field(ge=0, le=100_000)]
    ram_mb: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    cpu_cores: Annotated[float, Field(ge=0.001, le=10_000)] | None = None
    state: ServerState = ServerState.ACTIVE

    def row(self, *, whole: bool = False) -> dict[str, Any]:
        """The columns that are given; with `whole`, also what the others are then."""
        row = self.model_dump(exclude_unset=not whole)
        for address in ("ipv4", "ipv6"):
            if row.get(address) is not None:
                row[address] = str(row[address])
        if (cores := row.pop("cpu_cores", None)) is not None:
            row["cpu_millicores"] = round(cores * 1000)
        return row


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A server with what it has and what of it is promised to projects: places, MiB of memory, thousandths of a core.

    None where nobody has said what it has. `reach` is what Coolify says.
    """

    name: str
    coolify_uuid: str
    region: str
    ipv4: str
    ipv6: str | None
    state: ServerState
    reach: ServerReach
    capacity: int
    used: int
    ram_mb: int | None
    ram_mb_used: int
    cpu_millicores: int | None
    cpu_millicores_used: int

    def as_json(self) -> dict[str, Any]:
        """Everything, for ``json.dumps``."""
        return asdict(self)


_LINES = select(*(getattr(Server, name) for name in ServerLine.__dataclass_fields__)).order_by(Server.id)


async def server_lines(engine: AsyncEngine) -> tuple[list[ServerLine], int]:
    """Read every server, the oldest first, and how many orders wait for a place."""
    async with engine.connect() as connection:
        lines = [ServerLine(*row) for row in await connection.execute(_LINES)]
        waiting: int = (await connection.execute(_WAITING)).scalar_one()
    return lines, waiting


async def add_server(connection: AsyncConnection, server: NewServer) -> None:
    """Add a server in the caller's transaction.

    Raises:
        RefusedError: its name, its uuid at Coolify or an address is another server's.

    """
    row = server.row()
    for found in (await connection.execute(_LINES)).mappings():
        for field in _DISTINCT:
            if row.get(field) is not None and row[field] == found[field]:
                raise RefusedError(
                    f"{field} {row[field]} is that of server {found['name']}: give another one, or change that "
                    "server by a seed file (`vrs db seed FILE`)",
                    code="server_taken",
                    value=row[field],
                    server=found["name"],
                )
    await connection.execute(insert(Server).values(row))


async def move_server(connection: AsyncConnection, name: str, state: ServerState) -> tuple[bool, int]:
    """Drain a server or let it take new projects again, in the caller's transaction.

    Returns whether it changed, and how many projects it holds.

    Raises:
        UnknownError: there is none of that name.

    """
    row = await _locked(connection, name)
    await connection.execute(update(Server).where(Server.id == row.id).values(state=state))
    return row.state is not state, row.used


async def remove_server(connection: AsyncConnection, name: str) -> None:
    """Remove a server in the caller's transaction.

    Raises:
        UnknownError: there is none of that name.
        RefusedError: it holds projects: names some and says what to do.

    """
    row = await _locked(connection, name)
    held = (await connection.execute(_HELD, {"server": row.id})).all()
    if held:
        some = ", ".join(each.slug or str(each.project_id) for each in held[:MOST_NAMED])
        more = f" and {len(held) - MOST_NAMED} more" if len(held) > MOST_NAMED else ""
        raise RefusedError(
            f"{name} holds {len(held)} project{'s' if len(held) > 1 else ''}: {some}{more}. Drain it "
            f"(`vrs servers drain {name}`), cancel them (`vrs cancel PROJECT`), then remove it",
            code="server_holds_projects",
            name=name,
            count=len(held),
        )
    await connection.execute(delete(Server).where(Server.id == row.id))


async def _locked(connection: AsyncConnection, name: str) -> Any:
    row = (await connection.execute(select(Server.__table__).where(Server.name == name).with_for_update())).first()
    if row is None:
        names = (await connection.scalars(select(Server.name).order_by(Server.name))).all()
        message = f"There is no server {name!r}; there are {', '.join(names) or 'none'}"
        raise UnknownError(message, code="server_unknown", name=name)
    return row
