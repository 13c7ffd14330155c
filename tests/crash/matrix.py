"""Every consumer, killed at every point that an undisturbed run of it reaches, first alone, then in groups."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

from contracts import ServiceName
from shared.crash_points import CrashPoint
from tests.choreography.events import Story
from tests.crash.observer import LARGEST_GROUP, Arm
from tests.crash.scenarios import Scenario
from tests.crash.world import PATIENCE, World, is_step
from tests.shared.messaging.harness import until

GROUP = 2 * LARGEST_GROUP

TRIES = 3

_numbers = count(1)


class Row(NamedTuple):
    """A consumer in a scenario."""

    consumer: str
    scenario: Scenario
    group: bool = False

    @property
    def service(self) -> ServiceName:
        """Whose process is killed."""
        return ServiceName(self.consumer.partition(".")[0])

    def __str__(self) -> str:
        return f"{self.consumer}, {GROUP} at once" if self.group else f"{self.consumer}, {self.scenario}"


ROWS = (
    Row("marketplace", Scenario.LIVE),
    Row("dns.project-ordered", Scenario.LIVE),
    Row("dns.project-ordered", Scenario.ELSEWHERE),
    Row("dns.project-ordered", Scenario.NEW),
    Row("dns.registration-requested", Scenario.NEW),
    Row("dns.maildomain-requested", Scenario.MAIL),
    Row("notify.domain-registered", Scenario.NEW),
    Row("deploy.dns-configured", Scenario.LIVE),
    Row("bootstrap.app-deployed", Scenario.LIVE),
    Row("notify.project-ordered", Scenario.LIVE),
    Row("notify.core-healthy", Scenario.LIVE),
    Row("notify.records-needed", Scenario.ELSEWHERE),
    Row("notify.provisioning-delayed", Scenario.DELAYED),
    Row("notify.provisioning-failed", Scenario.FAILED),
    Row("notify.capacity-needed", Scenario.NO_ROOM),
    Row("notify.registration-held", Scenario.HELD),
    Row("notify.mailrecords-needed", Scenario.MAIL_NEEDED),
    Row("notify.maildomain-ready", Scenario.MAIL),
    Row("dns.transfer-requested", Scenario.TRANSFER),
    Row("dns.transfer-requested", Scenario.WITHDRAWN),
    Row("notify.transfer-started", Scenario.TRANSFER),
    Row("notify.domain-transferred", Scenario.TRANSFER),
    Row("notify.transfer-failed", Scenario.TRANSFER_FAILED),
    Row("notify.resend-requested", Scenario.RESENT),
    Row("notify.webhook-disabled", Scenario.WEBHOOK_OFF),
    Row("notify.domain-expiring", Scenario.DOMAIN_ENDS),
    Row("notify.certificate-expiring", Scenario.CERTIFICATE_ENDS),
    Row("bootstrap.plugins-changed", Scenario.PLUGINS),
    Row("dns.domain-added", Scenario.GIVEN),
    Row("deploy.routes-changed", Scenario.GIVEN),
    Row("bootstrap.app-routed", Scenario.GIVEN),
    Row("dns.domain-connected", Scenario.GIVEN),
    Row("notify.domain-connected", Scenario.GIVEN),
    Row("dns.domain-removed", Scenario.LOSES),
    Row("dns.primary-changed", Scenario.CHOOSES),
    Row("marketplace", Scenario.PLUGINS),
    Row("marketplace", Scenario.CANCELLED),
    Row("dns.project-cancelled", Scenario.CANCELLED),
    Row("dns.project-cancelled", Scenario.MAIL_CANCELLED),
    Row("deploy.project-cancelled", Scenario.CANCELLED),
    Row("bootstrap.project-cancelled", Scenario.CANCELLED),
    Row("notify.project-cancelled", Scenario.CANCELLED),
)

GROUPS = (
    Row("bootstrap.project-cancelled", Scenario.NEVER_ORDERED, group=True),
    Row("dns.project-ordered", Scenario.LIVE, group=True),
)

TAKES = (CrashPoint.TAKE_WRITTEN, CrashPoint.TAKEN)
RECORDS = (CrashPoint.RECORD_WRITTEN, CrashPoint.RECORD_COMMITTED)
ENDINGS = (CrashPoint.ENDING_WRITTEN, CrashPoint.ENDING_COMMITTED)
REMOVALS = (CrashPoint.REMOVAL_WRITTEN, CrashPoint.REMOVED)
SWEEPS = (CrashPoint.SWEEP_WRITTEN, CrashPoint.SWEPT)

ONCE = frozenset({CrashPoint.LEASE_RENEWED})
"""Reached as often as time passes: killed at the first."""

MOST_QUERIES = 4
"""Every name server is asked for every record, and again until all agree: killed in the first round."""

WITH_MORE = (CrashPoint.ENDING_WRITTEN, CrashPoint.REMOVAL_WRITTEN)
"""A usual end is one statement that commits by itself: written and committed are one moment, unless the commit holds
more than that, which hangs on what else has come to its end just then."""

QUERIES = (CrashPoint.BEFORE_QUERY, CrashPoint.AFTER_QUERY)


@dataclass
class Cell:
    """One kill: at the `nth` time, or when `several` of a group have come to the point.

    `first`: a kill before it, without which a healthy run does not come to the point.
    """

    row: Row
    point: CrashPoint
    nth: int = 1
    first: CrashPoint | None = None
    several: int = 1
    stories: list[Story] = field(default_factory=list)
    reached: bool = False
    problems: list[str] = field(default_factory=list)
    copies: int = 0

    @property
    def may_be_missed(self) -> bool:
        """Whether a healthy run comes here only if something is not there yet, asks that often, or by chance."""
        by_chance = (*TAKES, *WITH_MORE) if is_step(self.row.consumer) else ()
        return self.nth > 1 or (self.first is None and self.point in by_chance)

    def __str__(self) -> str:
        after = f", after a kill at {self.first}" if self.first else ""
        when = f"{self.several} of {GROUP}" if self.row.group else f"{self.nth}"
        return f"{self.row}: {self.point} ({when}){after}"


def cells_of(world: World, row: Row, undisturbed: Story) -> Iterator[Cell]:
    """The cells of a row: each point as often as a healthy run reaches it; takes and sweeps also in a second life."""
    reached = world.reached(undisturbed, row.consumer)
    for point in CrashPoint:
        most = min(reached[point], 1 if point in ONCE else MOST_QUERIES if point in QUERIES else reached[point])
        yield from (Cell(row, point, nth) for nth in range(1, most + 1))
    for first, points in ((CrashPoint.CLAIM_COMMITTED, TAKES), (CrashPoint.BEFORE_PUBLISH, SWEEPS)):
        yield from (Cell(row, point, first=first) for point in points if reached[first])


def group_cells_of(row: Row) -> Iterator[Cell]:
    """Kills in the middle of a group: some are over the point and others not, or several are at it.

    Which of the two depends on how many come together, so projects are counted: each of them comes to the point, and
    one more than a group holds is in another. In a second life one is enough: the others may have been over before.
    """
    two, second_group = 2, LARGEST_GROUP + 1
    yield Cell(row, CrashPoint.DELIVERED, several=GROUP // 2)
    for point in (CrashPoint.CLAIM_WRITTEN, CrashPoint.CLAIM_COMMITTED, CrashPoint.BEFORE_ACK, CrashPoint.ACKED):
        yield Cell(row, point, several=second_group)
    yield from (Cell(row, point, first=CrashPoint.CLAIM_COMMITTED) for point in TAKES)
    yield from (Cell(row, point, several=two) for point in (*RECORDS, *ENDINGS))
    for point in (CrashPoint.BEFORE_PUBLISH, CrashPoint.PUBLISHED, CrashPoint.CONFIRMED):
        yield Cell(row, point, several=second_group)
    yield from (Cell(row, point, several=two) for point in REMOVALS)
    yield from (Cell(row, point, first=CrashPoint.BEFORE_PUBLISH) for point in SWEEPS)


async def kill_at(world: World, cell: Cell) -> None:
    """Have a new project (a group of them) meet its cell, and wait until the consumer has done its work after all."""
    row = cell.row
    stories = [await world.prepared(row.scenario) for _ in range(GROUP if row.group else 1)]
    cell.stories += stories
    begun: list[asyncio.Future[Any]] = []
    kills = [(point, nth) for point, nth in ((cell.first, 1), (cell.point, cell.nth)) if point is not None]
    if row.group:
        world.services.kill(row.service)
    for number, (point, nth) in enumerate(kills):
        projects = [str(story.project_id) for story in stories]
        world.arm(row.service, Arm(f"kill-{next(_numbers)}", row.consumer, point, projects, nth, cell.several))
        if number == 0:
            begun = [await _begin(world, row, stories)]
            begun += [asyncio.create_task(world.answer(story)) for story in stories]
        if number or row.group:
            await world.restart(row.service)
        cell.reached = await world.dies(row.service, row.consumer, stories)
        if not cell.reached:
            break
    world.arm(row.service, None)
    if cell.reached:
        await world.restart(row.service)
    for story in stories:
        await world.handles(row.consumer, story)
    await asyncio.gather(*begun)


async def _begin(world: World, row: Row, stories: Sequence[Story]) -> asyncio.Future[Any]:
    """Have the scenario happen, or as much of it as does before the service dies; the rest waits for its restart."""
    happening = asyncio.gather(*(world.happen(story, directly=row.group) for story in stories))
    if row.group:  # what comes together is delivered together to whoever has just begun
        await happening
    else:
        await until(lambda: happening.done() or world.services.has_died(row.service), within=2 * PATIENCE)
    return happening


async def work_off(world: World, cells: Sequence[Cell], told: Callable[[Cell], None]) -> None:
    """Do the cells of one service, one after the other: a kill must hit one cell only."""
    ended: set[tuple[Row, CrashPoint]] = set()
    for cell in cells:
        if cell.first is None and (cell.row, cell.point) in ended:
            continue
        try:
            for _ in range(1 if cell.may_be_missed else TRIES):
                await kill_at(world, cell)
                if cell.reached:
                    break
        except TimeoutError as error:
            cell.problems.append(f"hangs: {error}")
            world.arm(cell.row.service, None)
            if world.services.has_died(cell.row.service):
                exit_code = world.services.running[cell.row.service].process.exitcode
                cell.problems.append(f"{cell.row.service} is not there, it ended with {exit_code}")
                await world.restart(cell.row.service)
        if not cell.reached and not cell.problems:
            if cell.may_be_missed:
                ended.add((cell.row, cell.point))  # this run had no n-th call, or no wait
            else:
                cell.problems.append(f"not reached in {TRIES} runs")
        told(cell)
