"""The next release migrates the database while this one's services work: they go on as if nothing had happened."""

from collections import Counter

from ops.orders import place
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.test_whole import is_at_rest, whole
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.shared.messaging.harness import until

ORDERS = 8


async def migrate_as_the_next_release_may(system: System) -> None:
    """All that tests/ops/test_migrations_are_additive.py lets pass, on every table and every type."""
    tables = await system.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for table in tables:
        added = "ADD COLUMN next_note text, ADD COLUMN next_count int NOT NULL DEFAULT 0 CHECK (next_count >= 0)"
        await system.sql(f'ALTER TABLE "{table.tablename}" {added}')
        await system.sql(f'CREATE INDEX ON "{table.tablename}" (next_count)')
    for kind in await system.sql("SELECT typname FROM pg_type WHERE typtype = 'e'"):
        await system.sql(f"ALTER TYPE {kind.typname} ADD VALUE 'next'")
    await system.sql("CREATE TABLE next_things (id int PRIMARY KEY, project_id uuid NOT NULL)")


async def test_orders_and_cancellations_go_on_while_the_next_release_migrates(
    system: System, inwx: Inwx, coolify: Deployments, cores: Cores, mailbox: Mailbox
) -> None:
    stories = [Story() for _ in range(ORDERS)]
    cancelled = stories[:2]

    async def states() -> Counter[str | None]:
        return Counter([await system.state(story) for story in stories])

    async with whole(system, servers=2, capacity=ORDERS):
        await place(system.database, [story.ordered() for story in stories])
        await until(lambda: system.sql("SELECT 1 FROM provisioning_log WHERE consumer = 'deploy.dns-configured'"))
        assert (await states())[ProvisioningState.LIVE] < ORDERS
        await migrate_as_the_next_release_may(system)
        await system.publish(*(story.cancelled() for story in cancelled))

        async def have_ended() -> bool:
            expected = {ProvisioningState.LIVE: ORDERS - len(cancelled), ProvisioningState.CANCELLED: len(cancelled)}
            return await states() == Counter(expected)

        await until(have_ended, within=60)
        await until(lambda: is_at_rest(system), within=30)
    tries = await system.sql("SELECT message FROM provisioning_log WHERE status IN ('dead', 'retrying')")
    assert [row.message for row in tries] == []
