"""``vrs order``, ``vrs projects`` and ``vrs log``."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiormq
import asyncpg
import pytest
from sqlalchemy import insert, text

from contracts import ProjectOrdered, decode
from ops.failure import CommandError
from ops.orders import place, read_order, read_wish, refuse_what_nobody_offers
from ops.places import ORDERS, SEED
from ops.seed import Seed, SeededProjectType, read_seed
from ops.seeding import write_seed
from shared.database import Database
from shared.errors import RefusedError
from shared.models import ProjectDomain
from shared.orders import complete
from tests.ops.conftest import Vrs

HOLDER = uuid4()
EXAMPLES = sorted(ORDERS.glob("*.json"))


def an_order(**changes: Any) -> dict[str, Any]:
    order = {
        "slug": f"p-{uuid4().hex[:12]}",
        "base_domain": "vrs.example",
        "plan": "starter",
        "customer": {"name": "Erika Muster", "email": "erika@muster.example"},
    }
    return {name: value for name, value in (order | changes).items() if value is not None}


async def outbox(database: Database) -> list[Any]:
    async with database.engine.connect() as connection:
        return list(await connection.execute(text("SELECT * FROM outbox ORDER BY created_at")))


async def test_an_order_is_published_and_leaves_the_outbox_empty(vrs: Vrs, database: Database, amqp_url: str) -> None:
    ended = await vrs("order", str(EXAMPLES[0]), VRS_AMQP_URL=amqp_url)
    assert ended.code == 0, ended.err
    async with await aiormq.connect(amqp_url) as connection:
        message = await (await connection.channel()).basic_get("dns.project-ordered", no_ack=True)
    event = decode(message.body, ProjectOrdered)
    assert event.subject == UUID(ended.out.strip())
    assert event.data.slug == read_order(EXAMPLES[0].read_bytes(), name="").data.slug
    assert message.header.properties.delivery_mode == 2
    assert await outbox(database) == []


async def test_what_an_order_costs_is_said_with_a_bundle_instead_of_its_plugins(
    vrs: Vrs, database: Database, amqp_url: str
) -> None:
    await write_seed(database.engine, read_seed(SEED))
    plugins = [{"name": name, "version": "1.0"} for name in ("catalogue", "reviews", "unheard-of")]
    order = json.dumps(an_order(bundles=["starter-set", "shop-set"], plugins=plugins)).encode()
    ended = await vrs("order", "-", stdin=order, VRS_AMQP_URL=amqp_url)
    assert ended.err.splitlines() == [
        "75.00 EUR a month: starter-set 20.00 EUR, shop-set 49.00 EUR, reviews 6.00 EUR",
        "No price is listed for unheard-of: `vrs db seed` adds it.",
    ]
    order = json.dumps(an_order(plugins=plugins[:1])).encode()
    said = json.loads((await vrs("order", "-", "--json", stdin=order, VRS_AMQP_URL=amqp_url)).out)
    assert said["event"]["type"] == "vrs.project.ordered.v1"
    line = {"kind": "plugin", "name": "catalogue", "cents": 1900, "currency": "EUR"}
    assert said["price"] == {"monthly_cents": {"EUR": 1900}, "lines": [line]}


async def test_an_order_is_safe_in_the_outbox_while_the_broker_is_away(vrs: Vrs, database: Database) -> None:
    project_id = str(uuid4())
    order = json.dumps(an_order(project_id=project_id)).encode()
    ended = await vrs("order", "-", stdin=order, VRS_AMQP_URL="amqp://127.0.0.1:1/")
    assert (ended.code, ended.out) == (1, "")
    assert f"{project_id} is ordered and safe in the outbox, but not published yet" in ended.err
    assert "`vrs run marketplace` sends it" in ended.err
    [row] = await outbox(database)
    assert (row.owner, row.exchange, row.routing_key) == ("marketplace", "vrs.events", "project.ordered.v1")
    assert row.lease_until <= datetime.now(UTC)
    assert row.required


async def test_the_marketplace_hears_of_an_order_at_once(database: Database) -> None:
    heard = asyncio.Event()
    connection = await asyncpg.connect(database.listen_url)
    await connection.add_listener("vrs_outbox", lambda *_: heard.set())
    await place(database, [read_order(json.dumps(an_order()).encode(), name="")])
    await asyncio.wait_for(heard.wait(), 5)
    await connection.close()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_each_example_is_an_order(file: Path) -> None:
    assert read_order(file.read_bytes(), name=file.name).data.customer.email


def test_a_complete_event_stays_as_it_is() -> None:
    event = read_order(json.dumps(an_order()).encode(), name="")
    assert read_order(event.encode(), name="") == event


@pytest.mark.parametrize(
    ("order", "problems"),
    [
        ({"slug": "Not A Slug"}, ["slug: 'Not A Slug' is not 1 to 63 of a-z, 0-9 and hyphens"]),
        ({"base_domain": "example"}, ["base_domain: 'example' is not a host name in lower case with a dot"]),
        ({"slug": "x" * 200}, [f"slug: '{'x' * 78}… is not 1 to 63"]),
        ({"plan": None}, ["plan: is missing, add it"]),
        ({"customer": {"name": "x", "email": "nobody"}}, ["customer.email: 'nobody' is not a valid email address: "]),
        ({"own_domain": "x.example"}, ["exactly one of base_domain and own_domain"]),
        ({"plugins": [{"name": "a", "version": "1"}, {"name": "a", "version": "2"}]}, ["each plugin once"]),
        ({"plugin": []}, ["plugin: there is no such field, correct its name or leave it out"]),
        ({"plan": 7, "locale": "fr"}, ["plan: 7 is not text", "locale: 'fr' is not 'de' or 'en'"]),
        ({"project_id": "7"}, ["project_id: '7' is not a UUID"]),
        ({"specversion": "1.0"}, ["type: is None, expected 'vrs.project.ordered.v1'"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_said_field_by_field(order: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        read_order(json.dumps(an_order(**order)).encode(), name="order.json")
    assert [problem for problem in problems if problem not in str(refused.value)] == []
    assert all(line.startswith("order.json: ") for line in str(refused.value).splitlines())
    assert "Erika" not in str(refused.value)
    assert refused.value.exit_code == 1


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        (
            {"base_domain": "vrs.exmaple"},
            "base_domain: 'vrs.exmaple' is none of ours; there are other.example, vrs.example",
        ),
        ({"project_type": "shop"}, "project_type: 'shop' cannot be ordered; there are vrs-core"),
        ({"plan": "gold"}, "plan: 'gold' cannot be ordered; there are business, enterprise, starter"),
        ({"slug": "www"}, "slug: 'www' is reserved (shared/reserved_names.toml): order another one"),
        ({"slug": "taken"}, f"slug: taken.vrs.example belongs to project {HOLDER}: order under another name"),
    ],
    ids=["base_domain", "project_type", "plan", "reserved", "taken"],
)
async def test_what_nobody_offers_is_refused_at_once(database: Database, order: dict[str, Any], problem: str) -> None:
    await write_seed(
        database.engine,
        Seed(
            base_domains=["vrs.example", "other.example"],
            project_types=[SeededProjectType(name="vrs-core", image="vrs/core", image_tag="1.0.0", port=8080)],
        ),
    )
    host = {"host": "taken.vrs.example", "project_id": HOLDER, "is_primary": True}
    async with database.engine.begin() as connection:
        await connection.execute(insert(ProjectDomain).values(host))
    with pytest.raises(CommandError) as refused:
        await refuse_what_nobody_offers(database, read_order(json.dumps(an_order(**order)).encode(), name=""))
    assert str(refused.value) == problem
    taken = read_order(json.dumps(an_order(slug="taken")).encode(), name="")
    await refuse_what_nobody_offers(database, taken, may_rename=True)
    await refuse_what_nobody_offers(database, read_order(json.dumps(an_order()).encode(), name=""))


async def test_an_order_for_a_domain_of_the_customer_needs_none_of_ours(database: Database) -> None:
    await write_seed(database.engine, Seed(base_domains=["vrs.example"]))
    order = an_order(base_domain=None, own_domain="kunde.example", project_type="anything")
    await refuse_what_nobody_offers(database, read_order(json.dumps(order).encode(), name=""))


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b"null", b"7", b"", b"[" * 100_000])
def test_what_is_no_order_at_all_is_refused(content: bytes) -> None:
    with pytest.raises(CommandError, match=r"^order\.json: "):
        read_order(content, name="order.json")


async def test_a_wrong_order_ends_with_1_and_places_nothing(vrs: Vrs, database: Database) -> None:
    ended = await vrs("order", "-", stdin=json.dumps(an_order(plan=7, locale="fr")).encode())
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 2)
    assert ended.err.startswith("standard input: plan: ")
    assert await outbox(database) == []


async def test_a_file_that_is_not_there_is_wrong_usage(vrs: Vrs) -> None:
    ended = await vrs("order", "/nowhere/order.json")
    assert (ended.code, ended.err.strip()) == (2, "/nowhere/order.json: No such file or directory")


async def test_projects_and_their_log_are_told_as_a_table_and_as_json(vrs: Vrs, database: Database) -> None:
    project_id, event_id = uuid4(), uuid4()
    async with database.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO projects (vrs_id, name, slug, provisioning_state) VALUES (:id, 'x', 'baeckerei', 'failed')"
            ),
            {"id": project_id},
        )
        await connection.execute(
            text(
                "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at, reason)"
                " VALUES ('dns.project-ordered', :event, :id, '', 'dead', 3, 1, now(), 'no zone')"
            ),
            {"id": project_id, "event": event_id},
        )
        await connection.execute(
            text(
                "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message,"
                " detail, started_at, duration_ms) VALUES (:id, 'dns', 'dns.project-ordered', 'project-ordered',"
                " 'dead', 3, :event, 'gave up: no zone', '{\"code\": \"inwx_2303\"}', now(), 1200)"
            ),
            {"id": project_id, "event": event_id},
        )
    shown = (await vrs("projects")).out
    assert [part for part in (str(project_id), "baeckerei", "failed", "no zone") if part not in shown] == []
    [line] = json.loads((await vrs("projects", "--json")).out)
    assert (line["project_id"], line["state"], line["waiting"][0]["reason"]) == (str(project_id), "failed", "no zone")
    assert "gave up: no zone" in (await vrs("log", "baeckerei")).out
    row = json.loads((await vrs("log", str(project_id), "--json")).out)
    assert (row["event_id"], row["status"], row["detail"]) == (str(event_id), "dead", {"code": "inwx_2303"})


async def test_the_log_of_an_unknown_project_says_how_to_find_one(vrs: Vrs) -> None:
    ended = await vrs("log", "nobody")
    assert (ended.code, ended.err.strip()) == (1, "There is no project 'nobody'; `vrs projects` lists them")


async def test_a_typed_name_becomes_a_free_slug_and_bundles_become_plugins(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("INSERT INTO base_domains (name) VALUES ('vrs.example')"))
        await connection.execute(
            text(
                "INSERT INTO bundle_plugins (bundle, plugin, version)"
                " VALUES ('start', 'reviews', '1.0'), ('start', 'shop', '2'), ('b', 'shop', '3')"
            )
        )

    async def ordered(**changes: Any) -> ProjectOrdered:
        wish = read_wish(json.dumps(an_order(slug=None, name="Bäckerei Süß 🥐", **changes)).encode(), name="")
        async with database.engine.begin() as connection:
            return (await connection.run_sync(complete, wish)).data

    plugin = {"name": "shop", "version": "9"}
    first = await ordered(bundles=["start"])
    second = await ordered(bundles=["start", "b"], plugins=[plugin])
    assert [first.slug, second.slug] == ["baeckerei-suess", "baeckerei-suess-2"]
    assert [(each.name, each.version) for each in first.plugins] == [("reviews", "1.0"), ("shop", "2")]
    assert [(each.name, each.version) for each in second.plugins] == [("shop", "9"), ("reviews", "1.0")]
    with pytest.raises(RefusedError, match="bundles: bundle 'none' has no plugins"):
        await ordered(bundles=["none"])
    with pytest.raises(RefusedError, match="name shop with its version among the plugins"):
        await ordered(bundles=["start", "b"])
    own = await ordered(base_domain=None, own_domain="Müller.example")
    assert (own.own_domain, own.slug) == ("xn--mller-kva.example", "baeckerei-suess")
