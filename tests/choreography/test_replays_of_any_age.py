"""An event of a project that ended a year ago comes again, by whatever means: nothing happens, nothing changes."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import EVENTS_EXCHANGE, CloudEvent, CoreHealthy
from ops.orders import place
from shared.messaging.topology import TO_EXCHANGE
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.test_whole import LIVE, SERVICES, is_at_rest
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox, Vendor
from tests.shared.messaging.harness import until

YEAR = timedelta(days=366)
SHOVELLED = {
    "x-death": [{"queue": "dns.dead", "reason": "rejected", "count": 1, "exchange": "vrs.dead"}],
    "x-first-death-reason": "rejected",
    "x-delivery-count": 3,
}
COPIES: tuple[dict[str, Any], ...] = ({}, SHOVELLED, {"vrs-death": 1}, {"vrs-death": 2, **SHOVELLED})


@dataclass
class Everything:
    """The running system and every vendor beside it."""

    system: System
    vendors: tuple[Vendor, ...]
    coolify: Deployments

    async def picture(self) -> dict[str, Any]:
        """All rows of all tables with the transaction that wrote them, all calls that a vendor got, all events.

        What marks the place in a queue (`System.is_claimed`) is about no project and left out.
        """
        tables = await self.system.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        rows = {
            table: await self.system.sql(
                f"SELECT xmin::text, to_jsonb(t) AS row FROM {table} t"
                " WHERE NOT (to_jsonb(t) ? 'project_id' AND to_jsonb(t) ->> 'project_id' IS NULL)"
                " ORDER BY to_jsonb(t)::text"
            )
            for (table,) in tables
        }
        calls = {type(vendor).__name__: await vendor.calls() for vendor in self.vendors}
        return {"rows": rows, "calls": calls, "events": {event.id for event in self.system.heard}}

    async def age(self) -> None:
        """Move every time in the database a year back."""
        columns = await self.system.sql(
            "SELECT table_name, column_name FROM information_schema.columns JOIN pg_tables ON tablename = table_name "
            "WHERE table_schema = 'public' AND schemaname = 'public' AND data_type LIKE 'timestamp%'"
        )
        for table, column in columns:
            await self.system.sql(f"UPDATE {table} SET {column} = {column} - interval '366 days'")

    async def rest(self) -> None:
        await until(lambda: is_at_rest(self.system), within=30)

    async def replay_everything(self) -> None:
        """Send every event of the bus again, oldest first: to all, and to each that has handled it."""
        handled = await self.system.sql("SELECT DISTINCT consumer, event_id FROM provisioning_log")
        assert len(handled) >= len(SERVICES) - 1
        for event in list(self.system.heard):
            for headers in COPIES:
                await self.system._send(EVENTS_EXCHANGE, event.data.routing_key(), event.encode(), headers)
                for consumer, event_id in handled:
                    if event_id == event.id:
                        await self.system._send(TO_EXCHANGE, consumer, event.encode(), headers)
        for consumer in sorted({consumer for consumer, _ in handled}):
            await self.system.is_claimed(consumer)
        await self.rest()


@pytest.fixture
async def everything(system: System, inwx: Inwx, coolify: Deployments, cores: Cores, mailbox: Mailbox) -> Everything:
    await system.seed()
    return Everything(system, (inwx, coolify, cores, mailbox), coolify)


@asynccontextmanager
async def nothing_changes(everything: Everything) -> AsyncIterator[None]:
    await everything.rest()
    await everything.age()
    before = await everything.picture()
    yield
    after = await everything.picture()
    assert after["calls"] == before["calls"]
    assert after["events"] == before["events"]
    for table, rows in before["rows"].items():
        assert after["rows"][table] == rows, table


def ordered_a_year_ago(story: Story) -> CloudEvent[Any]:
    return story.ordered().model_copy(update={"time": datetime.now(UTC) - YEAR})


async def test_no_event_of_a_year_old_live_project_does_anything_again(everything: Everything) -> None:
    system, story = everything.system, Story()
    async with system.running(*SERVICES):
        await place(system.database, [ordered_a_year_ago(story)])
        await system.logged(LIVE, await system.hears(CoreHealthy, story), "completed")
        async with nothing_changes(everything):
            await everything.replay_everything()
    assert await system.state(story) == ProvisioningState.LIVE


async def test_no_event_of_a_year_old_cancelled_project_does_anything_again(everything: Everything) -> None:
    system, story = everything.system, Story()
    async with system.running(*SERVICES):
        await place(system.database, [ordered_a_year_ago(story)])
        await system.logged(LIVE, await system.hears(CoreHealthy, story), "completed")
        await system.publish(cancellation := story.cancelled())
        await system.becomes(ProvisioningState.CANCELLED, story)
        await system.logged("notify.project-cancelled", cancellation, "completed")
        async with nothing_changes(everything):
            await everything.replay_everything()
    assert await system.state(story) == ProvisioningState.CANCELLED


async def test_no_event_of_a_year_old_project_that_failed_and_was_replayed_does_anything_again(
    everything: Everything,
) -> None:
    system, story = everything.system, Story()
    await everything.coolify.break_("create_application", "refused", code=422)
    async with system.running(*SERVICES):
        await place(system.database, [ordered_a_year_ago(story)])
        await system.becomes(ProvisioningState.FAILED, story)
        letter = await system.letter("deploy")
        await everything.coolify.mend()
        await system.replay(letter)
        await system.logged(LIVE, await system.hears(CoreHealthy, story), "completed")
        async with nothing_changes(everything):
            assert json.loads(letter.body)["subject"] == str(story.project_id)
            await system.replay(letter)
            await everything.replay_everything()
    assert await system.state(story) == ProvisioningState.LIVE
