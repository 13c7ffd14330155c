"""docs/servers.md as people type it; servers, base domains and seeds in the database."""

import asyncio
import json
import shlex
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, insert, text

from contracts import PlacementStrategy
from ops.failure import CommandError
from ops.places import SEED
from ops.seed import Seed, read_seed
from ops.seeding import difference, write_seed
from services.dns.models import Placement
from services.dns.what_if import what_if
from shared.base_domains import add_domain, domain_lines, remove_domain
from shared.database import Database
from shared.errors import RefusedError
from shared.hosts import as_stored
from shared.models import ProjectDomain, ServerState
from shared.names import UnknownBaseDomainError, claim_name
from shared.servers import NewServer, add_server, move_server, remove_server, server_lines
from shared.what_if import Question
from tests.examples.documents import blocks
from tests.ops.conftest import Vrs
from tests.shared.messaging.harness import until

PAGE = blocks("docs/servers.md")


async def place_one(database: Database, *, slug: str = "shop") -> None:
    """A project holds a place on the first server, and a name under vrs.example."""
    project = uuid4()
    host = {"host": f"{slug}.vrs.example", "project_id": project, "is_primary": True}
    place = {"project_id": project, "server_id": 1, "strategy": PlacementStrategy.PACK, "reason": "", "considered": []}
    async with database.engine.begin() as connection:
        await connection.execute(insert(Placement).values(place | {"target": {}}))
        await connection.execute(insert(ProjectDomain).values(host))
        await connection.execute(text("UPDATE servers SET used = used + 1 WHERE id = 1"))


async def committed(database: Database, change: Callable[..., Awaitable[Any]], *given: Any) -> Any:
    """Make a change in a transaction of its own."""
    async with database.engine.begin() as connection:
        return await change(connection, *given)


async def every_row(database: Database) -> list[Any]:
    tables = ("base_domains", "servers", "project_types", "type_placements", "plugin_prices", "bundles")
    async with database.engine.connect() as connection:
        return [(await connection.execute(text(f"SELECT * FROM {table} ORDER BY 1"))).all() for table in tables]


async def test_each_command_of_the_page_does_its_work(vrs: Vrs, database: Database) -> None:
    out = ""
    for line in "".join(block for language, block in PAGE if language == "sh").splitlines():
        program, *words = shlex.split(line)
        ended = await vrs(*words)
        assert (program, ended.code, ended.err) == ("vrs", 0, ""), line
        out += ended.out
    assert "26 added, 0 changed, 0 as they were." in out
    assert "srv-tenants-11 is removed." in out
    assert "Of 100 orders 100 would get a place by least_loaded; none would wait." in out
    packed = json.loads(out.splitlines()[-1])
    assert [each["new"] for each in packed["servers"]] == [20, *[0] * 9]
    assert len((await server_lines(database.engine))[0]) == 10


def test_the_seed_of_the_page_is_one(tmp_path: Path) -> None:
    [seed] = [block for language, block in PAGE if language == "toml"]
    (tmp_path / "seed.toml").write_text(seed)
    assert read_seed(tmp_path).project_types[0].placement is PlacementStrategy.PACK


async def test_seeding_again_changes_nothing_and_writes_nothing(database: Database) -> None:
    await write_seed(database.engine, read_seed(SEED))
    before = await every_row(database)
    again = await write_seed(database.engine, read_seed(SEED))
    assert (again.changes, again.same) == ([], 26)
    assert await every_row(database) == before


async def test_what_is_there_is_changed_only_when_somebody_agrees(vrs: Vrs, database: Database, tmp_path: Path) -> None:
    await write_seed(database.engine, read_seed(SEED))
    before = await every_row(database)
    file = tmp_path / "seed.toml"
    file.write_text(
        'base_domains = ["new.example"]\n[[project_types]]\nname = "vrs-core"\nimage = "ghcr.io/vrs/vrs-core"\n'
        'image_tag = "1.1.0"\nport = 8080\nplacement = "pack"\n'
    )
    refused = await vrs("db", "seed", str(file))
    assert (refused.code, await every_row(database)) == (1, before)
    assert "~ project_types vrs-core: image_tag 1.0.0 -> 1.1.0" in refused.out
    assert "1 to be changed" in refused.out
    assert "--yes" in refused.err
    agreed = await vrs("db", "seed", str(file), "--yes", "--json")
    assert agreed.code == 0
    core = {"name": "vrs-core"}
    assert json.loads(agreed.out) == {
        "written": True,
        "changes": [
            {"table": "base_domains", "name": "new.example", "change": "added", "columns": {}},
            core | {"table": "project_types", "change": "changed", "columns": {"image_tag": ["1.0.0", "1.1.0"]}},
            core | {"table": "type_placements", "change": "added", "columns": {"strategy": [None, "pack"]}},
        ],
        "unchanged": 0,
    }


async def test_of_a_seed_that_the_database_cannot_take_nothing_is_written(database: Database) -> None:
    await write_seed(database.engine, whole := read_seed(SEED))
    await place_one(database)
    before = await every_row(database)
    server = whole.servers[0]
    for change, problem in (
        ({"capacity": 0}, "capacity 0 is below the 1 places that are taken"),
        ({"name": "twin"}, "the database knows srv0000000000000000000001 as srv-tenants-1"),
    ):
        seed = Seed(base_domains=["new.example"], servers=[server.model_copy(update=change)])
        with pytest.raises(CommandError, match=problem):
            await write_seed(database.engine, seed)
        assert await every_row(database) == before


async def test_a_bundle_has_the_plugins_of_its_file_and_no_others(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "bundles.toml"

    async def seed(*plugins: str) -> list[str]:
        named = ", ".join('{{name = "{}", version = "{}"}}'.format(*plugin.split()) for plugin in plugins)
        file.write_text(f'[[bundles]]\nname = "set"\ncents = 900\nplugins = [{named}]\n')
        return [str(change) for change in (await write_seed(database.engine, read_seed(file))).changes]

    added = [
        "+ bundles set: cents 900, currency EUR",
        "+ bundle_plugins set a: version 1",
        "+ bundle_plugins set b: version 1",
    ]
    assert await seed("a 1", "b 1") == added
    found = await difference(database.engine, read_seed(file))
    assert (found.changes, found.same) == ([], 3)
    assert await seed("b 2", "c 1") == [
        "~ bundle_plugins set b: version 1 -> 2",
        "+ bundle_plugins set c: version 1",
        "- bundle_plugins set a",
    ]
    for wrong, problem in ((("a 1", "a 2"), "plugins.name: a is there 2 times"), ((), "bundles.0.plugins: ")):
        with pytest.raises(CommandError, match=problem):
            await seed(*wrong)


async def test_a_difference_that_is_another_one_meanwhile_is_not_written(database: Database) -> None:
    await write_seed(database.engine, read_seed(SEED))
    seed = Seed(base_domains=["new.example"])
    shown = await difference(database.engine, seed)
    await committed(database, add_domain, "new.example")
    with pytest.raises(CommandError, match="meanwhile"):
        await write_seed(database.engine, seed, shown)


def test_what_stands_in_two_files_is_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text('base_domains = ["vrs.example"]\n')
    with pytest.raises(CommandError, match=r"one\.toml, .*two\.toml: base_domains: vrs\.example is there 2 times"):
        read_seed(tmp_path)


async def test_a_server_is_added_drained_and_removed_only_when_it_is_empty(database: Database) -> None:
    await write_seed(database.engine, read_seed(SEED))
    await place_one(database)
    name = "srv-tenants-1"
    assert await committed(database, move_server, name, ServerState.DRAINING) == (True, 1)
    assert await committed(database, move_server, name, ServerState.DRAINING) == (False, 1)
    with pytest.raises(RefusedError, match=r"holds 1 project: .*vrs cancel PROJECT"):
        await committed(database, remove_server, name)
    async with database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM placements; "))
    await committed(database, remove_server, name)
    new = NewServer(
        name=name,
        coolify_uuid="srv0000000000000000000001",
        region="fsn1",
        capacity=1,
        ipv4=IPv4Address("203.0.113.11"),
    )
    with pytest.raises(RefusedError, match=r"ipv4 203\.0\.113\.11 is that of server srv-tenants-2"):
        await committed(database, add_server, new)
    await committed(database, add_server, new.model_copy(update={"ipv4": IPv4Address("203.0.113.10")}))
    assert (await server_lines(database.engine))[0][-1].name == name
    with pytest.raises(RefusedError, match="There is no server 'nobody'; there are srv-tenants-1, "):
        await committed(database, move_server, "nobody", ServerState.ACTIVE)


async def test_a_base_domain_that_is_used_is_not_removed(database: Database) -> None:
    await write_seed(database.engine, read_seed(SEED))
    await place_one(database)
    assert [(line.name, line.projects) for line in await domain_lines(database.engine)] == [
        ("vrs-projects.example", 0),
        ("vrs.example", 1),
    ]
    with pytest.raises(RefusedError, match=r"1 project has a name under vrs\.example.*vrs cancel PROJECT"):
        await committed(database, remove_domain, "vrs.example")
    await committed(database, remove_domain, "vrs-projects.example")
    assert await committed(database, add_domain, as_stored("Müller.example"))
    assert [line.name for line in await domain_lines(database.engine)] == ["vrs.example", "xn--mller-kva.example"]
    for wrong in ("x.vrs.example", "example"):
        with pytest.raises(RefusedError, match="lie one under the other"):
            await committed(database, add_domain, wrong)
    assert not await committed(database, add_domain, "vrs.example")


async def test_a_base_domain_is_not_removed_while_an_order_claims_a_name_under_it(database: Database) -> None:
    await write_seed(database.engine, read_seed(SEED))

    def claim(session: Connection) -> str:
        return claim_name(session, "Shop", base_domain="vrs.example", project_id=uuid4())

    async with database.engine.begin() as order:
        await order.run_sync(claim)
        removal = asyncio.create_task(committed(database, remove_domain, "vrs.example"))
        async with database.engine.connect() as observer:
            await until(lambda: observer.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")), within=20)
    with pytest.raises(RefusedError, match=r"1 project has a name under vrs\.example"):
        await removal
    async with database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM project_domains"))
    await committed(database, remove_domain, "vrs.example")
    async with database.engine.begin() as late:
        with pytest.raises(UnknownBaseDomainError, match=r"vrs\.example is none of our base domains"):
            await late.run_sync(claim)


async def test_what_if_lets_those_who_wait_choose_first(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VRS_DATABASE_URL", database.listen_url)
    await write_seed(database.engine, read_seed(SEED))
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE servers SET capacity = 2, ram_mb = 4096"))
        await connection.execute(
            text("INSERT INTO capacity_waits VALUES (gen_random_uuid(), now(), 'pack', NULL, 4096, 0, now())")
        )
        await connection.execute(text("INSERT INTO type_placements VALUES ('vrs-core', 'pack')"))
        question = Question(orders=30, plan="starter", project_type="vrs-core")
        answer = await what_if(connection, question)
        assert (answer.strategy, answer.placed, answer.would_wait, answer.waiting_now) == ("pack", 18, 12, 1)
        assert [(each.waiting, each.new) for each in answer.servers] == [(1, 0), *[(0, 2)] * 9]
        assert answer.servers[0].verdict == "full: 0 MB of memory left, 512 needed"
        assert answer.servers[1].verdict == "full"
        with pytest.raises(ValueError, match="no plan 'gold'"):
            await what_if(connection, Question(orders=1, plan="gold", project_type="vrs-core"))
