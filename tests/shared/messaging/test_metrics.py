"""What a service counts about real events, and what the gauges read from a real database."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from contracts import ProjectOrdered, ServiceName
from services.marketplace.project_metrics import count_projects
from shared.database import Database
from shared.errors import PermanentError, TemporaryError
from shared.measure import measure
from shared.metrics import REGISTRY, vendor_call
from shared.models import ProvisioningState
from shared.outcome import Done, Outcome
from shared.service import Service
from shared.step import Step
from tests.shared.messaging.harness import ORDERED, Harness, configure, order, order_row, until

TYPE = "vrs.project.ordered.v1"


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def steps(outcome: str) -> float:
    return value("vrs_steps_total", consumer=ORDERED, type=TYPE, outcome=outcome)


async def test_what_becomes_of_events_is_counted_with_its_times_and_groups(harness: Harness) -> None:
    tries = 0

    async def fails_first(event: ProjectOrdered, step: Step) -> Outcome:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise TemporaryError("not now", code="busy", retry_after=0.01)
        return await configure(event, step)

    harness.handle = fails_first
    before = {name: steps(name) for name in ("done", "retry")}
    critical = value("vrs_critical_seconds_count", consumer=ORDERED)
    handled = value("vrs_step_seconds_count", consumer=ORDERED, outcome="done")
    groups = {what: value("vrs_group_size_sum", service="dns", what=what) for what in ("claim", "commit", "publish")}
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "retrying", "completed")
        await until(lambda: value("vrs_group_size_sum", service="dns", what="publish") > groups["publish"])
    assert steps("done") == before["done"] + 1
    assert steps("retry") == before["retry"] + 1
    assert value("vrs_critical_seconds_count", consumer=ORDERED) == critical + 1
    assert value("vrs_step_seconds_count", consumer=ORDERED, outcome="done") == handled + 1
    assert value("vrs_group_size_sum", service="dns", what="claim") == groups["claim"] + 1
    assert value("vrs_group_size_sum", service="dns", what="commit") >= groups["commit"] + 2


async def test_a_death_is_counted_by_its_reason_and_seen_in_the_waiting_room(harness: Harness) -> None:
    async def refuses(event: ProjectOrdered, step: Step) -> Outcome:
        raise PermanentError("no such zone", code="no_zone")

    harness.handle = refuses
    before = value("vrs_dead_letters_total", consumer=ORDERED, code="no_zone")
    event = order()
    async with harness.running() as runtime:
        await harness.publish(event)
        await until(lambda: value("vrs_dead_letters_total", consumer=ORDERED, code="no_zone") == before + 1)
        await measure(harness.database, runtime.service)
    assert value("vrs_open_steps", consumer=ORDERED, state="dead") == 1
    assert value("vrs_open_steps", consumer=ORDERED, state="running") == 0
    assert value("vrs_database_up") == 1


async def test_the_time_to_live_counts_from_the_order(harness: Harness) -> None:
    async def goes_live(event: ProjectOrdered, step: Step) -> Outcome:
        await step.record(order_row(event, step))
        if step.project is None:
            raise TemporaryError("read the order again", code="again", retry_after=0.01)
        return Done(message="live", state=ProvisioningState.LIVE)

    harness.handle = goes_live
    before = value("vrs_project_live_seconds_count")
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "retrying", "completed")
    assert value("vrs_project_live_seconds_count") == before + 1


async def test_gauges_tell_what_waits_in_the_outbox_and_how_the_projects_stand(database: Database) -> None:
    service = Service(name=ServiceName.MARKETPLACE, measures=(count_projects,))
    async with database.engine.begin() as connection:
        for state in ("live", "live", "failed"):
            await connection.execute(
                text("INSERT INTO projects (name, slug, provisioning_state) VALUES (:slug, :slug, :state)"),
                {"slug": uuid4().hex, "state": state},
            )
        await connection.execute(
            text(
                "INSERT INTO outbox"
                " (id, owner, exchange, routing_key, body, headers, required, lease_until, created_at)"
                " VALUES (gen_random_uuid(), 'marketplace', 'vrs.events', 'x', '', '{}', true, now(),"
                " now() - interval '1 hour')"
            )
        )
    await measure(database, service)
    assert value("vrs_outbox_messages", service="marketplace") == 1
    assert 3600 <= value("vrs_outbox_oldest_seconds", service="marketplace") < 3700
    assert value("vrs_projects", state="live") == 2
    assert value("vrs_projects", state="failed") == 1
    assert value("vrs_projects", state="cancelled") == 0


async def test_without_a_database_the_counters_are_there_all_the_same(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE outbox RENAME TO elsewhere"))
    await measure(database, Service(name=ServiceName.DNS))
    assert value("vrs_database_up") == 0


async def test_a_vendors_calls_are_counted_by_outcome_and_timed() -> None:
    vendor = uuid4().hex
    with vendor_call(vendor):
        await asyncio.sleep(0)
    with vendor_call(vendor) as outcome:
        outcome.append("2303")
    with pytest.raises(ConnectionError), vendor_call(vendor):
        raise ConnectionError
    for name in ("ok", "2303", "ConnectionError"):
        assert value("vrs_vendor_call_seconds_count", vendor=vendor, outcome=name) == 1
