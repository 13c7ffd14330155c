"""docs/domains.md as people type it, over the INWX simulator and a project that waits for its customer."""

import json
import shlex
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import insert

from contracts import PlacementStrategy
from services.dns.models import Placement
from shared.database import Database
from shared.models import ProjectDomain, Server
from simulators.inwx import running_inwx
from tests.choreography.vendors import Inwx
from tests.examples.documents import blocks
from tests.ops.conftest import Ended, Vrs

PAGE = blocks("docs/domains.md")
DOMAIN = "kunde.example"
SERVER = {"id": "c1", "name": "srv-tenants-1", "region": "fsn1", "ipv4": "203.0.113.10", "ipv6": None}


@pytest.fixture
async def inwx() -> AsyncIterator[Inwx]:
    async with httpx.AsyncClient() as http, running_inwx() as running:
        yield Inwx(http, running.control_url, running)


async def typed(vrs: Vrs, inwx: Inwx, line: str) -> Ended:
    program, *words = shlex.split(line)
    assert program == "vrs"
    return await vrs(*words, **inwx.settings())


async def hold_elsewhere(inwx: Inwx, **records: str) -> None:
    rows: list[dict[str, Any]] = [{"name": name, "type": "A", "content": value} for name, value in records.items()]
    await inwx.set(elsewhere={"zone": DOMAIN, "records": rows})


async def add_server(database: Database) -> None:
    columns = {"coolify_uuid": SERVER["id"], "capacity": 1, **{key: SERVER[key] for key in ("name", "region", "ipv4")}}
    async with database.engine.begin() as connection:
        await connection.execute(insert(Server).values(columns))


async def test_the_commands_of_the_page_say_what_is_wrong_with_a_domain(
    vrs: Vrs, inwx: Inwx, database: Database
) -> None:
    await hold_elsewhere(inwx, www="203.0.113.10")
    await add_server(database)
    [[language, code]] = PAGE
    assert language == "sh"
    alone, with_server = [await typed(vrs, inwx, line) for line in code.splitlines()]
    assert (alone.code, alone.err) == (0, "")
    assert "held elsewhere" in alone.out
    assert "No project has ordered it" in alone.out
    assert "Nothing is wrong." in alone.out
    report = json.loads(with_server.out)
    assert (with_server.code, report["holder"], report["leads_to"]) == (1, "elsewhere", "srv-tenants-1")
    assert [(each["problem"], each["name"]) for each in report["findings"]] == [("missing", DOMAIN)]
    assert "Setzen Sie ihn auf 203.0.113.10." in report["findings"][0]["text"]["de"]


async def test_a_domain_that_a_project_has_ordered_is_compared_with_its_server(
    vrs: Vrs, inwx: Inwx, database: Database
) -> None:
    project = uuid4()
    place = {"project_id": project, "server_id": 1, "strategy": PlacementStrategy.PACK, "reason": "", "considered": []}
    await add_server(database)
    async with database.engine.begin() as connection:
        await connection.execute(insert(Placement).values(place | {"target": SERVER, "placed_at": datetime.now(UTC)}))
        await connection.execute(insert(ProjectDomain).values(host=DOMAIN, project_id=project, is_primary=True))
    await hold_elsewhere(inwx, **{"@": "203.0.113.10", "www": "192.0.2.1"})
    wrong = await typed(vrs, inwx, f"vrs domains check {DOMAIN.title()}")
    assert wrong.code == 1
    assert "leads_elsewhere" in wrong.out
    await hold_elsewhere(inwx, **{"@": "203.0.113.10", "www": "203.0.113.10"})
    right = await typed(vrs, inwx, f"vrs domains check {DOMAIN}")
    assert (right.code, "Nothing is wrong." in right.out) == (0, True)


async def test_what_cannot_be_checked_is_said_with_a_remedy(vrs: Vrs, inwx: Inwx) -> None:
    for line, code, said in (
        ("vrs domains check nothing", 2, "'nothing' is no host name"),
        (f"vrs domains check {DOMAIN} --server nobody", 2, "--server: there is no server 'nobody', there are none"),
    ):
        ended = await typed(vrs, inwx, line)
        assert (ended.code, said in ended.err) == (code, True), ended.err
    unset = await vrs("domains", "check", DOMAIN)
    assert (unset.code, "VRS_INWX_USER" in unset.err) == (2, True), unset.err
    await inwx.break_("account.login", "refused", code=2200)
    refused = await typed(vrs, inwx, f"vrs domains check {DOMAIN}")
    assert (refused.code, "VRS_INWX_PASSWORD" in refused.err) == (1, True), refused.err
