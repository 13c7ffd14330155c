"""A marketplace's database is extended and not overwritten, while its application goes on."""

import asyncio
import json

import pytest
from sqlalchemy import text

from migrations.adoption.plan import CannotAdoptError, read_plan
from ops.schema import downgrade, newest_revision, plan_of, revision_of, upgrade
from tests.conftest import open_at
from tests.legacy.conftest import Legacy
from tests.ops.conftest import Vrs
from tests.shared.messaging.harness import until

THEIR_COLUMNS = """
SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position)
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' GROUP BY 1
"""


async def content(legacy: Legacy, columns: list[tuple[object, ...]]) -> dict[object, list[str]]:
    return {
        table: sorted(str(row) for row in await legacy.rows(f"SELECT {names} FROM {table}")) for table, names in columns
    }


def statements(dump: list[str]) -> set[str]:
    return {line.rstrip(",") for line in dump if line and not line.startswith("--")}


async def test_nothing_of_theirs_changes_and_the_way_back_leaves_what_was_there(legacy: Legacy) -> None:
    columns = await legacy.rows(THEIR_COLUMNS)
    schema, whole, rows = await legacy.dump("--schema-only"), await legacy.dump(), await content(legacy, columns)

    await upgrade(legacy.database.engine)
    assert await revision_of(legacy.database.engine) == newest_revision()
    assert await content(legacy, columns) == rows
    assert statements(schema) <= statements(await legacy.dump("--schema-only"))

    await downgrade(legacy.database.engine, "base")
    assert sorted(await legacy.dump()) == sorted(whole)


async def test_their_application_works_while_several_containers_adopt_and_afterwards(legacy: Legacy) -> None:
    second = open_at(legacy.url)
    async with legacy.in_use():
        await asyncio.gather(upgrade(legacy.database.engine), upgrade(second.engine))
    await second.engine.dispose()
    assert legacy.visits
    await legacy.visit(3)
    [(rows, ids, null)] = await legacy.rows(
        "SELECT count(*), count(DISTINCT vrs_id), count(*) FILTER (WHERE vrs_id IS NULL) FROM projects"
    )
    assert (rows, null) == (ids, 0)
    shape = "SELECT attnotnull FROM pg_attribute WHERE attrelid = 'projects'::regclass AND attname = 'vrs_id'"
    assert await legacy.rows(shape) == [(True,)]
    assert await legacy.rows("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid") == []


async def test_nobody_waits_behind_a_migration_that_waits_for_a_lock(shop: Legacy) -> None:
    told: list[str] = []
    reader = await shop.database.engine.connect()
    await reader.execute(text("SELECT count(*) FROM projects"))  # and its transaction stays open
    second = open_at(shop.url)
    migration = asyncio.create_task(upgrade(second.engine, tell=told.append))
    async with shop.in_use(1):
        await until(lambda: len(told) >= 2, within=60)  # it has tried twice, and given way each time
        assert (await shop.rows("SELECT to_regclass('outbox')"))[0] == (None,)
        await reader.rollback()
        await migration
    await reader.close()
    await second.engine.dispose()
    assert "projects is in use by pid" in told[0]
    assert "vrs tests" in told[0]
    assert shop.visits


async def test_a_killed_adoption_goes_on_where_it_stopped(shop: Legacy) -> None:
    def die(told: str) -> None:
        raise InterruptedError(told)

    whole = await shop.dump()
    with pytest.raises(InterruptedError, match="filling in"):
        await upgrade(shop.database.engine, tell=die)
    assert await revision_of(shop.database.engine) == "0004"
    await shop.run("CREATE UNIQUE INDEX uq_licenses_in_force ON licenses (id)")
    await shop.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'uq_licenses_in_force'::regclass")

    await upgrade(shop.database.engine)
    assert await revision_of(shop.database.engine) == newest_revision()
    assert await shop.rows("SELECT 1 FROM projects WHERE vrs_id IS NULL") == []
    assert "project_id, plugin" in str(await shop.rows("SELECT pg_get_indexdef('uq_licenses_in_force'::regclass)"))
    await downgrade(shop.database.engine, "base")
    assert sorted(await shop.dump()) == sorted(whole)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("CREATE TABLE outbox ()", "outbox: found a relation of this name, owned by"),
        ("CREATE TYPE locale AS ENUM ('de')", "locale: found a type of this name, expected none"),
        (
            "ALTER TABLE projects ADD COLUMN vrs_id text",
            "projects.vrs_id: found a column of type text, expected none: it is provisioning's",
        ),
        (
            "ALTER TABLE projects ALTER COLUMN slug TYPE jsonb USING to_jsonb(slug)",
            "projects.slug: found a column of type jsonb, expected text, or no such column",
        ),
        (
            "ALTER TABLE licenses RENAME COLUMN project_id TO project",
            "licenses.project_id: found no such column, expected one that holds projects.id",
        ),
        (
            "ALTER TABLE license_history ALTER COLUMN license_id TYPE text",
            "license_history.license_id: found the type text, expected that of licenses.id, integer",
        ),
        (
            "ALTER TABLE projects DROP CONSTRAINT projects_pkey CASCADE",
            "projects: found the primary key (none), expected the primary key (id)",
        ),
        (
            "DROP TABLE plugin_prices; CREATE VIEW plugin_prices AS SELECT 'reviews' AS plugin",
            "plugin_prices: found no ordinary table (a view, or partitioned), expected an ordinary table",
        ),
        (
            "ALTER TABLE projects ENABLE ALWAYS TRIGGER projects_stamp",
            "projects: found triggers that always fire on UPDATE (projects_stamp), expected none",
        ),
    ],
    ids=lambda value: value[:40],
)
async def test_what_cannot_be_adopted_is_named_before_anything_changes(shop: Legacy, change: str, said: str) -> None:
    if "license_id TYPE" in change:
        await shop.run("ALTER TABLE license_history DROP CONSTRAINT license_history_license_id_fkey")
    await shop.run(change)
    before = await shop.dump()
    with pytest.raises(CannotAdoptError) as refused:
        await upgrade(shop.database.engine)
    assert said in str(refused.value)
    assert await shop.dump() == before


async def test_a_user_who_may_not_change_their_tables_is_told_what_is_missing(shop: Legacy) -> None:
    role = f"vrs_{shop.database.engine.url.database or 'test'}_{id(shop)}"
    async with shop.database.engine.connect() as connection:
        await connection.execute(text(f"CREATE ROLE {role}"))
        await connection.execute(text(f"SET LOCAL ROLE {role}"))
        obstacles = "\n".join(map(str, (await connection.run_sync(read_plan)).obstacles))
        await connection.rollback()
    assert "this user: found no CREATE on the schema" in obstacles
    assert "search by name: found no extension pg_trgm, and no CREATE on the database" in obstacles
    assert "licenses: found a table that postgres owns" in obstacles
    assert "which filling in vrs_id must not fire, expected GRANT SET ON PARAMETER" in obstacles


async def test_the_plan_says_what_is_added_and_what_provisioning_cannot_do(legacy: Legacy) -> None:
    before = await legacy.dump()
    plan = await plan_of(legacy.database.engine)
    assert plan is not None
    assert {"vrs_id", "provisioning_state", "step_due_at"} <= plan.extended[0].added.keys()
    remarks = {
        "integer_keys": "projects needs customer_id: provisioning cannot insert a project by itself",
        "uuid_keys": "projects needs id, owner_id, status: provisioning cannot insert a project by itself",
        "odd_columns": "project_types needs code: `vrs db seed` cannot add a type",
    }
    assert remarks[legacy.name] in "\n".join(plan.remarks)
    assert ("bundles" in plan.made) is (legacy.name != "odd_columns")
    assert await legacy.dump() == before


async def test_the_command_shows_the_plan_and_what_is_in_the_way_and_then_does_it(vrs: Vrs, shop: Legacy) -> None:
    await shop.run("CREATE TABLE servers ()")
    refused = await vrs("db", "adopt", "--dry-run", "--json", VRS_DATABASE_URL=shop.url)
    assert (refused.code, json.loads(refused.out)["obstacles"][0]["what"]) == (1, "servers")
    assert "Nothing was changed" in refused.err
    await shop.run("DROP TABLE servers")
    done = await vrs("db", "adopt", VRS_DATABASE_URL=shop.url)
    assert (done.code, "  + vrs_id uuid, null" in done.out) == (0, True)
    assert await plan_of(shop.database.engine) is None
    back = await vrs("db", "downgrade", "base", "--yes", VRS_DATABASE_URL=shop.url)
    assert (back.code, back.out) == (0, "The database is at revision base.\n")
