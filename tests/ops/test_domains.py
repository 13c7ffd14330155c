"""docs/domains.md as people type it, over the INWX simulator and a project that waits for its customer."""

import json
import shlex
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, insert, select

from contracts import PlacementStrategy
from services.dns.models import Placement
from shared.database import Database
from shared.models import (
    DomainRegistration,
    Expiry,
    Outbox,
    Project,
    ProjectDomain,
    ProjectOrder,
    Server,
)
from simulators.inwx import running_inwx
from tests.choreography.events import Story
from tests.choreography.facts import OWNER
from tests.choreography.vendors import Inwx
from tests.examples.documents import blocks
from tests.ops.conftest import Ended, Vrs

[CHECKED, _, OF_PROJECT, WATCHED] = blocks("docs/domains.md")
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
    language, code = CHECKED
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


async def test_a_free_domain_is_told_with_its_price(vrs: Vrs, inwx: Inwx) -> None:
    await inwx.set(premium={"gold.example": 900})
    usual, premium = [await typed(vrs, inwx, f"vrs domains check {name}") for name in ("frei.example", "gold.example")]
    assert (usual.code, "frei.example is free." in usual.out, "costs 4.65 EUR" in usual.out) == (0, True, True)
    assert "a premium name, costs 900.00 EUR" in premium.out
    report = json.loads((await typed(vrs, inwx, "vrs domains check müller.example --json")).out)
    assert (report["domain"], report["holder"], report["cents"]) == ("xn--mller-kva.example", "nobody", 465)


async def held(database: Database, hold: str | None = "too_expensive") -> None:
    row = {"project_id": uuid4(), "domain": DOMAIN, "stage": "held" if hold else "pending", "hold": hold}
    async with database.engine.begin() as connection:
        await connection.execute(
            insert(DomainRegistration).values(row | {"max_cents": 1500, "registrant": {}, "zone_made": False})
        )


async def test_a_held_registration_is_answered_with_a_price_or_an_owner(
    vrs: Vrs, database: Database, tmp_path: Path
) -> None:
    await held(database)
    owner = tmp_path / "owner.toml"
    facts = OWNER.model_dump(exclude_none=True).items()
    owner.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in facts))
    ended = await vrs("domains", "register", DOMAIN, "--max-price", "29,50", "--registrant", str(owner))
    assert (ended.code, ended.err, ended.out) == (0, "", f"{DOMAIN} is tried again.\n")
    async with database.engine.connect() as connection:
        row = (await connection.execute(select(DomainRegistration))).one()
    assert (row.stage, row.hold, row.max_cents, row.registrant["city"]) == ("requested", None, 2950, "Berlin")
    again = await vrs("domains", "register", DOMAIN)
    assert (again.code, "waits for nobody: it is requested" in again.err) == (1, True)


async def test_what_cannot_be_answered_is_said_with_a_remedy(vrs: Vrs, database: Database, tmp_path: Path) -> None:
    wrong = tmp_path / "owner.toml"
    wrong.write_text('name = "Otto Blum"\nphone = "030 1234"\n')
    for words, code, said in (
        (["--max-price", "viel"], 2, "'viel' is no amount of euros such as 29 or 29.50"),
        (["--registrant", str(tmp_path / "none.toml")], 2, "none.toml"),
        (["--registrant", str(wrong)], 2, "owner.toml: phone"),
        ([], 1, f"No project has {DOMAIN} registered: order it"),
    ):
        ended = await vrs("domains", "register", DOMAIN, *words)
        assert (ended.code, said in ended.err) == (code, True), ended.err


async def live(database: Database) -> None:
    """The project of the page, as it is when it is live."""
    project = uuid4()
    story = replace(Story(), slug="baeckerei-sommer", project_id=project)
    row = {"vrs_id": project, "name": "", "slug": story.slug, "provisioning_state": "live"}
    async with database.engine.begin() as connection:
        await connection.execute(insert(Project).values(row))
        await connection.execute(insert(ProjectOrder).values(story.order_row()))
        await connection.execute(insert(ProjectDomain).values(host=story.fqdn, project_id=project, is_primary=True))


async def test_the_domains_of_a_project_are_changed_as_the_page_says(
    vrs: Vrs, database: Database, amqp_url: str
) -> None:
    await live(database)
    added, listed, primary, removed = [
        await vrs(*shlex.split(line)[1:], VRS_AMQP_URL=amqp_url) for line in OF_PROJECT[1].splitlines()
    ]
    ordered = "baeckerei-sommer.vrs.example\tconnected\tprimary\n"
    assert (added.code, added.err) == (0, "")
    assert added.out == listed.out == f"{ordered}sommer.example\tsetting_up\tbecomes primary\n"
    assert (primary.code, removed.out) == (0, f"{ordered}sommer.example\tremoving\tredirects\n"), removed.err
    shown = await vrs("domains", "list", "baeckerei-sommer", "--json")
    assert [each["state"] for each in json.loads(shown.out)] == ["connected", "removing"]
    async with database.engine.connect() as connection:
        left = await connection.scalar(select(func.count()).select_from(Outbox))
    assert left == 0  # published at once


async def test_what_cannot_be_done_with_domains_is_said_with_a_remedy(
    vrs: Vrs, database: Database, amqp_url: str
) -> None:
    await live(database)
    for words, code, said in (
        (["add", "nobody", DOMAIN], 1, "nobody"),
        (["add", "baeckerei-sommer", "nothing"], 2, "'nothing' is no host name"),
        (["add", DOMAIN, "--primary"], 2, "--primary, --by and --json go with a project"),
        (["remove", "baeckerei-sommer", DOMAIN], 1, f"{DOMAIN} is no domain of the project"),
        (["remove", "baeckerei-sommer", "baeckerei-sommer.vrs.example"], 1, "is the primary domain"),
        (["primary", "baeckerei-sommer", DOMAIN], 1, f"{DOMAIN} is no domain of the project"),
    ):
        ended = await vrs("domains", *words, VRS_AMQP_URL=amqp_url)
        assert (ended.code, said in ended.err) == (code, True), ended.err


async def test_what_ends_soon_is_listed_with_who_sees_to_it(vrs: Vrs, inwx: Inwx, database: Database) -> None:
    now = datetime.now(UTC)
    ends = {"d1.example": ("domain", 6.5, False, 7), "d2.example": ("certificate", 20.5, None, None)}
    ends["d3.example"] = ("domain", 45.5, True, None)
    rows = [
        {"project_id": uuid4(), "kind": kind, "name": name, "look_at": now, "renews_itself": renews, "told_days": told}
        | {"ends_at": now + timedelta(days=days)}
        for name, (kind, days, renews, told) in ends.items()
    ]
    async with database.engine.begin() as connection:
        await connection.execute(insert(Expiry), rows)
    _, code = WATCHED
    table, listed = [await typed(vrs, inwx, line) for line in code.splitlines()]
    assert (table.code, table.err) == (0, "")
    assert ["d1.example" in table.out, "d2.example" in table.out, "d3.example" in table.out] == [True, True, False]
    assert "at 7 days" in table.out
    found = [(each["name"], each["what"], each["days"], each["renews_itself"]) for each in json.loads(listed.out)]
    assert found == [
        ("d1.example", "domain", 6, False),
        ("d2.example", "certificate", 20, True),
        ("d3.example", "domain", 45, True),
    ]
    assert "Nothing ends so soon." in (await vrs("domains", "watch", "--days", "1")).out
