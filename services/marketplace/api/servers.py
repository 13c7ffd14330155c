"""The servers: seen with one scope, changed by admins."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict

from services.marketplace.api.answers import Answer
from services.marketplace.audit import record
from services.marketplace.dependencies import Db, IsAdmin, MaySeeServers
from shared.models import ServerReach, ServerState, StaffActionKind
from shared.servers import NewServer, add_server, move_server, remove_server, server_lines

router = APIRouter(prefix="/api/v1/servers", tags=["servers"])

Name = Annotated[str, Path(max_length=63, pattern=r"^[^\x00-\x1f\x7f]+$", description="The server's name.")]
_NEW = {
    "server": {
        "summary": "A server with 40 places",
        "value": {
            "name": "tenants-11",
            "coolify_uuid": "k8w0s4ck",
            "region": "fsn1",
            "ipv4": "203.0.113.20",
            "capacity": 40,
        },
    }
}


class ServerAnswer(Answer):
    """A server: what it has, and what of it is promised to projects. Null where nobody has said."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    coolify_uuid: str
    region: str
    ipv4: str
    ipv6: str | None
    state: ServerState
    """``draining`` gets no new projects."""
    reach: ServerReach
    """What Coolify says of it."""
    capacity: int
    """The most projects that it may hold."""
    used: int
    ram_mb: int | None
    ram_mb_used: int
    cpu_millicores: int | None
    cpu_millicores_used: int


class ServerList(Answer):
    """Every server, the oldest first, and how many orders wait for a place."""

    servers: list[ServerAnswer]
    waiting: int


class ServerChange(BaseModel):
    """What a server is to do: take new projects (``active``) or none (``draining``)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "draining"}]})

    state: ServerState


@router.get("")
async def list_servers(_: MaySeeServers, database: Db) -> ServerList:
    """List the servers and how full they are."""
    return await _listed(database)


@router.post("", status_code=HTTPStatus.CREATED, responses={409: {}})
async def create_server(
    caller: IsAdmin, database: Db, server: Annotated[NewServer, Body(openapi_examples=_NEW)]
) -> ServerAnswer:
    """Add a server. Orders that wait for a place go on within a second or two."""
    async with database.engine.begin() as connection:
        await add_server(connection, server)
        await record(connection, caller, StaffActionKind.SERVER_ADDED, server.name, capacity=server.capacity)
    return await _one(database, server.name)


@router.patch("/{name}", responses={404: {}})
async def change_server(caller: IsAdmin, database: Db, name: Name, change: ServerChange) -> ServerAnswer:
    """Drain a server, or let it take new projects again. Those that it holds stay and run."""
    async with database.engine.begin() as connection:
        await move_server(connection, name, change.state)
        await record(connection, caller, StaffActionKind.SERVER_MOVED, name, state=change.state.value)
    return await _one(database, name)


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, responses={404: {}, 409: {}})
async def delete_server(caller: IsAdmin, database: Db, name: Name) -> None:
    """Remove a server that holds no project. Nothing is changed at Coolify."""
    async with database.engine.begin() as connection:
        await remove_server(connection, name)
        await record(connection, caller, StaffActionKind.SERVER_REMOVED, name)


async def _listed(database: Db) -> ServerList:
    lines, waiting = await server_lines(database.engine)
    return ServerList(servers=[ServerAnswer.model_validate(line) for line in lines], waiting=waiting)


async def _one(database: Db, name: str) -> ServerAnswer:
    return next(server for server in (await _listed(database)).servers if server.name == name)
