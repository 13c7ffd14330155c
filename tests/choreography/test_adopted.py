"""On a marketplace's database, with its keys and its states, an order goes live and is cancelled."""

from collections.abc import AsyncIterator

import pytest

from contracts import Plugin
from ops.schema import upgrade
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.marketplace.app import marketplace
from services.notify.app import notify
from shared.models import ProvisioningState
from tests.choreography.conftest import lead
from tests.choreography.events import Story
from tests.choreography.system import System, connected
from tests.choreography.vendors import Deployments, Inwx, Mailbox
from tests.conftest import open_at
from tests.legacy.conftest import Legacy

LICENSES = "SELECT plugin, status, vrs_version, vrs_state::text FROM licenses WHERE project_id = :id"


@pytest.fixture
async def adopted(bare_database_url: str, amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[System]:
    database = open_at(bare_database_url)
    legacy = Legacy("uuid_keys", bare_database_url, database)
    await legacy.load()
    await upgrade(database.engine)
    lead(monkeypatch, {"VRS_AMQP_URL": amqp_url, "VRS_DATABASE_URL": bare_database_url})
    async with connected(database, amqp_url) as system:
        yield system
    await database.engine.dispose()


async def test_an_order_goes_live_on_the_marketplaces_own_tables_and_is_cancelled_there(
    adopted: System, inwx: Inwx, coolify: Deployments, mailbox: Mailbox
) -> None:
    story = Story(plugins=(Plugin(name="reviews", version="1.4.0"),))
    await adopted.seed()
    await adopted.sql(  # as the marketplace does it: its own key is the project's vrs_id here
        "INSERT INTO projects (id, owner_id, name, status, vrs_id) VALUES (:id, :id, 'Laden', 'paid', :id)",
        id=story.project_id,
    )
    await adopted.sql(
        "INSERT INTO licenses (id, project_id, plugin_id, plugin, status) VALUES (gen_random_uuid(), :id,"
        " '00000000-0000-4000-8000-000000000001', 'reviews', 'ordered')",
        id=story.project_id,
    )
    async with adopted.running(dns, deploy, bootstrap, notify, marketplace):
        await adopted.publish(story.ordered())
        await adopted.becomes(ProvisioningState.LIVE, story)
        assert await adopted.sql(LICENSES, id=story.project_id) == [("reviews", "ordered", "1.4.0", "active")]
        await adopted.publish(story.cancelled())
        await adopted.becomes(ProvisioningState.CANCELLED, story)
    assert await adopted.sql(LICENSES, id=story.project_id) == [("reviews", "ordered", "1.4.0", "ended")]
    [(state,)] = await adopted.sql("SELECT status FROM projects WHERE id = :id", id=story.project_id)
    assert state == "paid"
    await adopted.sql("DELETE FROM projects WHERE id = :id", id=story.project_id)
