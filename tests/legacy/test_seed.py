"""Seeds on the marketplace's own tables: what they can take they take, the rest is said before anything is written."""

import re

import pytest

from contracts import PlacementStrategy, Plugin
from ops.failure import CommandError
from ops.schema import upgrade
from ops.seed import Seed, SeededBundle, SeededPlugin, SeededPluginPrice, SeededProjectType
from ops.seeding import write_seed
from shared.prices import price_of
from tests.legacy.conftest import Legacy, marketplace

CORE = SeededProjectType(name="vrs-core", image="vrs/core", image_tag="1", port=80, placement=PlacementStrategy.PACK)
REVIEWS = SeededPluginPrice(plugin="reviews", cents=990)
STARTER = SeededBundle(name="starter-set", cents=1500, plugins=[SeededPlugin(name="catalogue", version="3")])

REFUSED = {
    "integer_keys": (
        Seed(plugin_prices=[SeededPluginPrice(plugin="new", cents=1)]),
        "plugin_prices: new cannot be added, it needs price too: provisioning adds no prices",
    ),
    "uuid_keys": (
        Seed(plugin_prices=[REVIEWS]),
        "plugin_prices: reviews cannot be added, it needs plugin_id, valid_from, cents too",
    ),
    "odd_columns": (
        Seed(project_types=[CORE]),
        "project_types: vrs-core cannot be added, it needs code too: `vrs db seed` cannot add a type",
    ),
}

THEIRS = {  # what the marketplace's engineers do first
    "integer_keys": "SELECT 1",
    "uuid_keys": "UPDATE plugin_prices p SET plugin = k.key FROM plugins k WHERE k.id = p.plugin_id",
    "odd_columns": "UPDATE project_types SET name = 'vrs-core';"
    "UPDATE plugin_prices SET plugin = 'reviews' WHERE sku = 'RV-1'",
}


async def test_a_seed_fills_in_what_is_there_and_is_the_same_again(legacy: Legacy) -> None:
    await upgrade(legacy.database.engine)
    seed, problem = REFUSED[legacy.name]
    with pytest.raises(CommandError, match=re.escape(problem)):
        await write_seed(legacy.database.engine, seed)
    await legacy.run(THEIRS[legacy.name])
    whole = Seed(project_types=[CORE], plugin_prices=[REVIEWS], bundles=[STARTER])
    done = await write_seed(legacy.database.engine, whole)
    again = await write_seed(legacy.database.engine, whole)
    assert ([str(change) for change in again.changes], again.same) == ([], len(done.changes))
    assert "~ plugin_prices reviews: cents nothing -> 990" in "\n".join(map(str, done.changes))
    core = "SELECT vrs_image, vrs_port FROM project_types WHERE name = 'vrs-core'"
    assert await legacy.rows(core) == [("vrs/core", 80)]
    assert await legacy.rows("SELECT project_type, strategy FROM type_placements") == [("vrs-core", "pack")]
    plugins = [Plugin(name=name, version="1") for name in ("catalogue", "reviews")]
    async with legacy.database.engine.connect() as connection:
        price = await connection.run_sync(price_of, ["starter-set"], plugins)
    assert (price.totals, price.unlisted) == ({"EUR": 1500 + 990}, ())
    await legacy.visit()


async def test_a_name_that_stands_there_twice_is_refused(bare_database_url: str) -> None:
    async with marketplace("uuid_keys", bare_database_url) as legacy:
        await upgrade(legacy.database.engine)
        await legacy.run("INSERT INTO project_types VALUES (gen_random_uuid(), 'vrs-core')")
        with pytest.raises(CommandError, match="project_types vrs-core: the database has 2 rows of this name"):
            await write_seed(legacy.database.engine, Seed(base_domains=["new.example"], project_types=[CORE]))
        assert await legacy.rows("SELECT * FROM base_domains") == []
