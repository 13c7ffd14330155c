"""Licences and projects on tables of the marketplace's: its rows are taken, ours are added where its table lets us."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from contracts import Plugin
from ops.schema import upgrade
from shared.database import Database
from shared.errors import PermanentError
from shared.licenses import GrantLicenses, LicensesBecome
from shared.messaging.cancellation import introduce
from shared.models import License, LicenseHistory, LicenseState, Project
from shared.transaction import begin
from shared.writes import Write
from tests.legacy.conftest import Legacy

PLUGINS = (Plugin(name="reviews", version="1.0"), Plugin(name="catalogue", version="3.2.1"))

# A project with a licence as the marketplace inserts them; what becomes of its licences: plugin, version, whether it
# was the marketplace's; how many rows of history we could write.
INSERT = {
    "integer_keys": "INSERT INTO projects (customer_id, name, slug) VALUES (1, 'x', 'x') RETURNING vrs_id",
    "uuid_keys": "INSERT INTO projects (id, owner_id, name, status) "
    "VALUES (gen_random_uuid(), gen_random_uuid(), 'x', 'paid') RETURNING vrs_id",
    "odd_columns": "INSERT INTO projects (titel) VALUES ('x') RETURNING vrs_id",
}
LICENSE = {
    "integer_keys": "INSERT INTO licenses (project_id, plugin) SELECT id, 'reviews' FROM projects WHERE vrs_id = '{}'",
    "uuid_keys": "INSERT INTO licenses (id, project_id, plugin_id, plugin, status) SELECT gen_random_uuid(), id, "
    "'00000000-0000-4000-8000-000000000001', 'reviews', 'paid' FROM projects WHERE vrs_id = '{}'",
    "odd_columns": "INSERT INTO licenses (project_id, plugin) SELECT id, 'reviews' FROM projects WHERE vrs_id = '{}'",
}
BECOMES = {
    "integer_keys": ([("catalogue", "3.2.1"), ("reviews", "1.0")], 0),
    "uuid_keys": ([("reviews", "1.0")], 0),
    "odd_columns": ([("catalogue", "3.2.1"), ("reviews", "1.0")], 2),
}


async def write(database: Database, project_id: UUID, *writes: Write) -> None:
    for each in writes * 2:  # done twice is done once
        async with database.engine.begin() as connection:
            await type(each).apply(connection, [(project_id, each)])


async def states(database: Database, project_id: UUID) -> list[tuple[str | None, LicenseState | None]]:
    mine = select(License.plugin, License.state).join(Project, Project.id == License.project_id)
    async with database.engine.connect() as connection:
        found = await connection.execute(mine.where(Project.vrs_id == project_id).order_by(License.plugin))
        return [(row.plugin, row.state) for row in found]


async def history(database: Database, project_id: UUID) -> list[LicenseState]:
    mine = (
        select(LicenseHistory.state)
        .join(License, License.id == LicenseHistory.license_id)
        .join(Project, Project.id == License.project_id)
        .where(Project.vrs_id == project_id, LicenseHistory.state.is_not(None))
        .order_by(LicenseHistory.at, License.plugin)
    )
    async with database.engine.connect() as connection:
        return list(await connection.scalars(mine))


async def test_licences_follow_the_project_on_tables_of_the_marketplace(legacy: Legacy) -> None:
    await upgrade(legacy.database.engine)
    [(project_id,)] = await legacy.rows(INSERT[legacy.name])
    assert isinstance(project_id, UUID)
    await legacy.run(LICENSE[legacy.name].format(project_id))
    untouched = "SELECT id::text FROM licenses WHERE vrs_state IS NULL"
    before = await legacy.rows(untouched)
    expected, rows_a_move = BECOMES[legacy.name]

    await write(legacy.database, project_id, GrantLicenses(PLUGINS))
    versions = await legacy.rows("SELECT plugin, vrs_version FROM licenses WHERE vrs_state = 'pending' ORDER BY 1")
    assert versions == expected
    for state in (LicenseState.ACTIVE, LicenseState.ENDED):
        await write(legacy.database, project_id, LicensesBecome(state))
        assert await states(legacy.database, project_id) == [(plugin, state) for plugin, _ in expected]
    assert len(await history(legacy.database, project_id)) == 3 * rows_a_move
    assert len(await legacy.rows(untouched)) == len(before) - 1  # of theirs the one that was ordered, and no other


async def test_licences_that_do_not_name_their_plugin_are_left_alone_and_none_is_added(legacy: Legacy) -> None:
    await upgrade(legacy.database.engine)
    [(project_id,)] = await legacy.rows(INSERT[legacy.name])
    assert isinstance(project_id, UUID)
    await legacy.run("ALTER TABLE licenses ALTER COLUMN plugin DROP NOT NULL")
    await legacy.run(LICENSE[legacy.name].format(project_id))
    await legacy.run(
        f"UPDATE licenses l SET plugin = NULL FROM projects p WHERE p.id = l.project_id AND p.vrs_id = '{project_id}'"
    )
    await write(legacy.database, project_id, GrantLicenses(PLUGINS))
    assert await states(legacy.database, project_id) == [(None, None)]


async def test_on_our_own_tables_each_change_has_its_row_of_history(database: Database) -> None:
    project_id = uuid4()
    async with begin(database) as transaction:
        await introduce(transaction, [(project_id, "laden")], due=None)
    await write(database, project_id, GrantLicenses(PLUGINS))
    assert await states(database, project_id) == [(name, LicenseState.PENDING) for name in ("catalogue", "reviews")]
    await write(database, project_id, LicensesBecome(LicenseState.ACTIVE), LicensesBecome(LicenseState.ENDED))
    assert await states(database, project_id) == [(name, LicenseState.ENDED) for name in ("catalogue", "reviews")]
    pending, active, ended = LicenseState
    assert await history(database, project_id) == [pending, pending, active, active, ended, ended]


async def test_a_cancelled_project_gets_no_active_licence(database: Database) -> None:
    project_id = uuid4()
    async with begin(database) as transaction:
        await introduce(transaction, [(project_id, "laden")], due=None)
    await write(database, project_id, GrantLicenses(PLUGINS[:1]))
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO cancellations (project_id, reason, requested_by) VALUES ($1, '', '')", (project_id,)
        )
    await write(database, project_id, LicensesBecome(LicenseState.ACTIVE))
    assert await states(database, project_id) == [("reviews", LicenseState.PENDING)]


async def test_a_project_is_introduced_where_their_table_lets_us_and_else_it_is_said_who_must(legacy: Legacy) -> None:
    await upgrade(legacy.database.engine)
    project_id = uuid4()
    if legacy.name != "odd_columns":
        with pytest.raises(PermanentError, match="only the marketplace can insert this project"):
            async with begin(legacy.database) as transaction:
                await introduce(transaction, [(project_id, "neu")], due=None)
        return
    async with begin(legacy.database) as transaction:
        await introduce(transaction, [(project_id, "neu")], due=None)
    assert await legacy.rows(
        f"SELECT slug, provisioning_state, status FROM projects WHERE vrs_id = '{project_id}'"
    ) == [("neu", "ordered", "A")]
