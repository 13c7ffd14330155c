"""A part of the crash matrix: one kill of each consumer, and all kills in the middle of a group."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from contracts import EVENTS
from ops.stack import Stack
from shared.crash_points import CrashPoint
from shared.database import Database
from shared.messaging.topology import queue_name
from tests.choreography.events import Story
from tests.crash.matrix import ROWS, Cell, Row, group_cells_of
from tests.crash.report import run
from tests.crash.scenarios import Scenario
from tests.crash.world import World, is_step, running_world

LIVE, CANCELLED = Scenario.LIVE, Scenario.CANCELLED

KILLS = {
    Row("marketplace", LIVE): (CrashPoint.CONFIRMED, 1),
    Row("dns.project-ordered", LIVE): (CrashPoint.AFTER_CALL, 2),
    Row("dns.registration-requested", Scenario.NEW): (CrashPoint.AFTER_CALL, 8),  # the one that costs money
    Row("dns.maildomain-requested", Scenario.MAIL): (CrashPoint.AFTER_CALL, 2),  # the sender domain is made
    Row("deploy.dns-configured", LIVE): (CrashPoint.AFTER_CALL, 2),
    Row("bootstrap.app-deployed", LIVE): (CrashPoint.ENDING_COMMITTED, 1),
    Row("notify.project-ordered", LIVE): (CrashPoint.BEFORE_MAIL, 1),
    Row("notify.core-healthy", LIVE): (CrashPoint.MAIL_TAKEN, 1),
    Row("notify.provisioning-failed", Scenario.FAILED): (CrashPoint.ENDING_WRITTEN, 1),
    Row("dns.transfer-requested", Scenario.TRANSFER): (CrashPoint.AFTER_CALL, 14),  # the one that costs money
    Row("dns.transfer-requested", Scenario.WITHDRAWN): (CrashPoint.ENDING_WRITTEN, 1),
    Row("bootstrap.plugins-changed", Scenario.PLUGINS): (CrashPoint.AFTER_CALL, 1),
    Row("dns.domain-added", Scenario.GIVEN): (CrashPoint.AFTER_CALL, 2),
    Row("deploy.routes-changed", Scenario.GIVEN): (CrashPoint.AFTER_CALL, 3),
    Row("bootstrap.app-routed", Scenario.GIVEN): (CrashPoint.RECORD_COMMITTED, 2),
    Row("dns.domain-connected", Scenario.GIVEN): (CrashPoint.RECORD_COMMITTED, 2),
    Row("dns.domain-removed", Scenario.LOSES): (CrashPoint.AFTER_CALL, 1),
    Row("dns.primary-changed", Scenario.CHOOSES): (CrashPoint.RECORD_COMMITTED, 2),
    Row("notify.project-cancelled", CANCELLED): (CrashPoint.ACKED, 1),
    Row("dns.project-cancelled", CANCELLED): (CrashPoint.AFTER_CALL, 1),
    Row("deploy.project-cancelled", CANCELLED): (CrashPoint.BEFORE_CALL, 2),
    Row("bootstrap.project-cancelled", CANCELLED): (CrashPoint.PUBLISHED, 1),
}

GROUPS = [
    Row(f"{service}.project-cancelled", Scenario.NEVER_ORDERED, group=True)
    for service in ("bootstrap", "dns", "deploy")
]
"""The kernel's groups are the same everywhere: each service takes a third of the kills."""


def cells_of(world: World, row: Row, undisturbed: Story) -> Iterable[Cell]:
    if row.group:
        return list(group_cells_of(row))[GROUPS.index(row) :: len(GROUPS)]
    point, nth = KILLS[row]
    return [Cell(row, point, nth)]


def test_every_consumer_is_killed_in_the_matrix_and_here() -> None:
    consumers = {queue_name(service, event) for event in EVENTS.values() for service in event.required_by}
    assert {row.consumer for row in ROWS if is_step(row.consumer)} == consumers
    left_out = consumers - {row.consumer for row in KILLS}
    assert {consumer.partition(".")[0] for consumer in left_out} == {"notify"}, "which all mail alike"


@pytest.mark.timeout(300)
async def test_a_killed_service_leaves_the_same_end_state_as_an_undisturbed_run(
    stack: Stack, amqp_url: str, database: Database, tmp_path: Path
) -> None:
    async with running_world(amqp_url, database, tmp_path, stack.guard) as world:
        report = await run(world, [*KILLS, *GROUPS], cells_of)
    found = [f"{cell}: {problem}" for cell in report.failed for problem in cell.problems] + report.problems
    assert not found, "\n".join(found)
    assert len(report.killed) == len(report.cells) == len(KILLS) + len(list(group_cells_of(GROUPS[0])))
