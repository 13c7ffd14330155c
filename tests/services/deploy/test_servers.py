"""What Coolify says of the servers, in the database."""

import pytest
from sqlalchemy import insert, select

from services.deploy.servers import note_reach
from shared.database import Database
from shared.errors import TemporaryError
from shared.models import Server, ServerReach
from tests.services.deploy.bench import Bench


async def reach(database: Database) -> list[str]:
    async with database.engine.connect() as connection:
        return [reach.value for reach in await connection.scalars(select(Server.reach).order_by(Server.id))]


async def test_what_coolify_says_of_each_server_is_written_down_when_it_changes(
    bench: Bench, database: Database
) -> None:
    uuids = [*(server.uuid for server in bench.running.servers[:2]), "nobody-knows-it"]
    rows = [
        {"name": f"s{n}", "coolify_uuid": uuid, "region": "fsn1", "ipv4": f"192.0.2.{n}", "capacity": 1}
        for n, uuid in enumerate(uuids, 1)
    ]
    async with database.engine.begin() as connection:
        await connection.execute(insert(Server), rows)
    await bench.control(server={"uuid": uuids[0], "reachable": False})
    changed = await note_reach(bench.coolify, database.engine)
    assert changed == {"s1": ServerReach.UNREACHABLE, "s3": ServerReach.UNKNOWN}
    assert await reach(database) == ["unreachable", "usable", "unknown"]
    assert await note_reach(bench.coolify, database.engine) == {}
    await bench.fault("list_servers", "error", times=1)
    with pytest.raises(TemporaryError):
        await note_reach(bench.coolify, database.engine)
    assert await reach(database) == ["unreachable", "usable", "unknown"]
    await bench.control(server={"uuid": uuids[0], "reachable": True})
    assert await note_reach(bench.coolify, database.engine) == {"s1": ServerReach.USABLE}
