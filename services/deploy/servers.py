"""Writes down what Coolify says of each server, so that dns places nothing where nothing could be deployed."""

import asyncio

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from services.deploy.coolify import Coolify
from services.deploy.coolify_models import Server as CoolifyServer
from shared.models import Server, ServerReach
from shared.service import Background, Kernel

log = structlog.get_logger(__name__)

LOOK_EVERY = 30.0
"""Seconds: two requests a minute. Coolify itself looks at its servers about as often."""

_KNOWN = select(Server.id, Server.name, Server.coolify_uuid, Server.reach).order_by(Server.id)
_MOVE = update(Server).where(Server.id == bindparam("server")).values(reach=bindparam("said"))


def watch_servers(coolify: Coolify, engine: AsyncEngine) -> Background:
    """Look at all servers with one call, for as long as the service runs."""

    async def run(kernel: Kernel) -> None:
        del kernel  # dns looks for places itself
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await note_reach(coolify, engine)

    return run


async def note_reach(coolify: Coolify, engine: AsyncEngine) -> dict[str, ServerReach]:
    """Ask Coolify once and write down what has changed; return the changes by the servers' names."""
    said = {server.uuid: _reach(server) for server in await coolify.servers()}
    async with engine.begin() as connection:
        changed = [
            (row, reach)
            for row in (await connection.execute(_KNOWN)).all()
            if (reach := said.get(row.coolify_uuid, ServerReach.UNKNOWN)) is not row.reach
        ]
        if changed:  # by ascending id, as whoever places locks them
            await connection.execute(_MOVE, [{"server": row.id, "said": reach} for row, reach in changed])
    for row, reach in changed:
        log.warning("Coolify says something else of a server", server=row.name, was=row.reach.value, now=reach.value)
    return {row.name: reach for row, reach in changed}


def _reach(server: CoolifyServer) -> ServerReach:
    if not server.settings.is_reachable:
        return ServerReach.UNREACHABLE
    return ServerReach.USABLE if server.settings.is_usable else ServerReach.UNUSABLE
