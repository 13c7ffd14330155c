"""A run from the first process to the judgement."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from contracts import ServiceName
from shared.messaging.broker import CONNECTION_ERRORS
from shared.messaging.trouble import DATABASE_ERRORS
from tests.chaos.bus import Bus, prepare
from tests.chaos.disturb import Disturber
from tests.chaos.faults import Vendor
from tests.chaos.market import Market
from tests.chaos.pace import Pace
from tests.chaos.plan import Plan
from tests.chaos.snapshot import Snapshot, take
from tests.chaos.stage import Stage, set_up

SETTLED_FOR = 3
"""Looks, a second apart, at which nothing may move any more."""

_MOVING = """
    SELECT (SELECT count(*) FROM open_steps WHERE state <> 'dead') AS open,
           (SELECT count(*) FROM open_steps WHERE state = 'dead') AS dead,
           (SELECT count(*) FROM outbox) AS outbox,
           (SELECT count(*) FROM projects WHERE provisioning_state = 'live') AS live,
           (SELECT count(*) FROM projects WHERE provisioning_state = 'cancelled') AS cancelled
"""


@dataclass(slots=True)
class Progress:
    """What a person sees meanwhile. `quiet_after` is how long the last steps took after the disturbances."""

    ordered: int = 0
    live: int = 0
    cancelled: int = 0
    dead: int = 0
    seconds: float = 0.0
    phase: str = "starting"
    current: list[str] = field(default_factory=list)
    quiet_after: float | None = None


@dataclass(slots=True)
class Run:
    """A run that is over, with everything still there to look at."""

    plan: Plan
    stage: Stage
    bus: Bus
    market: Market
    disturber: Disturber
    progress: Progress

    async def snapshot(self) -> Snapshot:
        """Read everything now."""
        elsewhere = {str(order.project_id) for order in self.plan.orders if order.elsewhere}
        return await take(self.stage, self.bus, self.market, self.disturber.happened, elsewhere)


@asynccontextmanager
async def chaos(plan: Plan, pace: Pace, logs: Path, show: Callable[[Progress], None]) -> AsyncIterator[Run]:
    """Play `plan`, heal everything, wait until it is quiet; the services run as long as the block."""
    progress = Progress()
    show(progress)
    async with AsyncExitStack() as exits:
        stage = await exits.enter_async_context(set_up(logs, pace, places=len(plan.orders) + 20))
        await prepare(stage.stack.amqp_url)
        bus = Bus(stage.stack.amqp_url)
        market, disturber = Market(stage, bus), Disturber(stage, bus)
        for vendor in Vendor:
            await stage.mend(vendor)
        for service in ServiceName:
            stage.processes[service] = await asyncio.to_thread(stage.start, service)
        run = Run(plan, stage, bus, market, disturber, progress)
        for work in (bus.listen(), stage.supervise(), _watch(run, show)):
            exits.push_async_callback(_ended, asyncio.create_task(work))
        await _ready(run)
        await _play(run)
        await _calm(run, pace)
        yield run


async def _play(run: Run) -> None:
    """Orders and disturbances, each at its moment."""
    run.progress.phase = "disturbed"
    began = time.monotonic()

    async def at(moment: float, work: Callable[[], object]) -> None:
        await asyncio.sleep(max(0.0, moment - (time.monotonic() - began)))
        result = work()
        if asyncio.iscoroutine(result):
            await result

    async with asyncio.TaskGroup() as group:
        for order in run.plan.orders:
            group.create_task(run.market.serve(order))
        for disturbance in run.plan.disturbances:
            group.create_task(at(disturbance.at, lambda it=disturbance: run.disturber.run(it)))  # type: ignore[misc]  # bound early


async def _calm(run: Run, pace: Pace) -> None:
    """Everything is healed; the operator replays dead letters until nothing moves, or the deadline has come."""
    run.progress.phase = "calm"
    began = time.monotonic()
    for vendor in Vendor:
        await run.stage.mend(vendor)
    settled = 0
    while settled < SETTLED_FOR and time.monotonic() - began < pace.deadline:
        if pace.hurry:
            await _hurry(run.stage)
        replayed = await run.bus.replay()
        settled = 0 if replayed or await _moves(run) else settled + 1
        await asyncio.sleep(1)
    run.progress.quiet_after = time.monotonic() - began if settled == SETTLED_FOR else None
    run.progress.phase = "over"


async def _moves(run: Run) -> bool:
    [row] = await run.stage.sql(_MOVING)
    depths = await run.bus.depths()
    return bool(row.open or row.dead or row.outbox or any(depths.values()) or run.market.is_busy)


async def _hurry(stage: Stage) -> None:
    await stage.sql("UPDATE open_steps SET due_at = clock_timestamp() WHERE state IN ('waiting', 'parked')")
    await stage.sql("NOTIFY vrs_wake")


async def _ready(run: Run) -> None:
    """Every queue is there and everybody has subscribed; then they grow old enough to survive a killed broker."""
    deadline = time.monotonic() + 90
    while True:
        with suppress(*CONNECTION_ERRORS):
            await run.bus.depths()
            break
        if time.monotonic() > deadline:
            raise TimeoutError(f"the services are not ready; see {run.stage.launch.logs}")
        await asyncio.sleep(0.3)
    await asyncio.sleep(2)


async def _watch(run: Run, show: Callable[[Progress], None]) -> None:
    began = time.monotonic()
    while True:
        progress = run.progress
        with suppress(*DATABASE_ERRORS):
            [row] = await run.stage.sql(_MOVING)
            progress.live, progress.cancelled, progress.dead = row.live, row.cancelled, row.dead
        progress.seconds, progress.ordered = time.monotonic() - began, len(run.market.ordered)
        progress.current = [str(each) for each in run.disturber.current]
        show(progress)
        await asyncio.sleep(0.5)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
