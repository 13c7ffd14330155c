"""The matrix as a whole: undisturbed runs, kills, the comparison, the table."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from contracts import ServiceName
from shared.crash_points import CrashPoint
from tests.choreography.events import Story
from tests.crash.end_state import differences, end_states, excused_copies, left_behind, second_copies, unfinished
from tests.crash.matrix import Cell, Row, work_off
from tests.crash.scenarios import Scenario
from tests.crash.world import World
from tests.shared.messaging.harness import until

FILLERS = 2
AT_REST = 30.0


@dataclass
class Report:
    """What became of the cells; `problems` are those that no cell can be blamed for."""

    cells: list[Cell]
    problems: list[str] = field(default_factory=list)

    @property
    def killed(self) -> list[Cell]:
        """The cells that were reached, or should have been."""
        return [cell for cell in self.cells if cell.reached or cell.problems]

    @property
    def failed(self) -> list[Cell]:
        """The cells after which anything was other than undisturbed."""
        return [cell for cell in self.cells if cell.problems]

    @property
    def missed(self) -> list[CrashPoint]:
        """The points at which nobody was killed."""
        return [point for point in CrashPoint if all(cell.point is not point for cell in self.killed)]

    def table(self) -> str:
        """Points by consumers: ✓ and the number of kills if several, ² if a mail came twice, ✗, - not reached."""
        rows = list(dict.fromkeys(cell.row for cell in self.cells))
        lines = [f"{nth:>4}  {row}" for nth, row in enumerate(rows, 1)]
        lines += ["", " " * 18 + "".join(f"{nth:>6}" for nth in range(1, len(rows) + 1))]
        for point in CrashPoint:
            marks = [
                self._mark([cell for cell in self.killed if (cell.row, cell.point) == (row, point)]) for row in rows
            ]
            lines.append(f"{point:<18}" + "".join(f"{mark:>6}" for mark in marks))
        good = len(self.killed) - len(self.failed)
        lines += ["", f"{good}/{len(self.killed)} kills left the same end state as an undisturbed run."]
        if copies := sum(cell.copies for cell in self.cells):
            lines.append(
                f"² {copies} mails came a second time, each after a kill between the server's 250 and our commit."
            )
        return "\n".join(lines)

    @staticmethod
    def _mark(cells: Sequence[Cell]) -> str:
        if not cells:
            return "-"
        bad = sum(bool(cell.problems) for cell in cells)
        if bad:
            return f"✗{len(cells) - bad}/{len(cells)}"
        return "✓" + (str(len(cells)) if len(cells) > 1 else "") + ("²" if any(cell.copies for cell in cells) else "")


@asynccontextmanager
async def _fillers(world: World) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(world.keep_live_projects()) for _ in range(FILLERS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def undisturbed(world: World, rows: Iterable[Row]) -> dict[Scenario, Story]:
    """Let each scenario happen to a project of its own, with nobody killed."""
    consumers: dict[Scenario, list[str]] = {Scenario.LIVE: []}
    for row in rows:
        consumers.setdefault(row.scenario, []).append(row.consumer)

    async def play(scenario: Scenario) -> Story:
        story = await world.prepared(scenario)
        await world.happen(story)
        await world.finish(story)
        for consumer in consumers[scenario]:
            await world.handles(consumer, story)
        return story

    await play(Scenario.LIVE)  # signs in and looks up what is looked up once
    async with _fillers(world):
        return dict(zip(consumers, await asyncio.gather(*map(play, consumers)), strict=True))


async def run(
    world: World,
    rows: Sequence[Row],
    cells_of: Callable[[World, Row, Story], Iterable[Cell]],
    *,
    told: Callable[[Cell], None] = lambda _: None,
) -> Report:
    """Kill at each cell of `rows` and compare. The services' cells are done side by side."""
    models = await undisturbed(world, rows)
    by_service: dict[ServiceName, list[Cell]] = {}
    for row in rows:
        by_service.setdefault(row.service, []).extend(cells_of(world, row, models[row.scenario]))
    async with _fillers(world):
        await asyncio.gather(*(work_off(world, cells, told) for cells in by_service.values()))
    report = Report([cell for cells in by_service.values() for cell in cells])
    with suppress(TimeoutError):
        await until(lambda: _is_at_rest(world), within=AT_REST)
    await _compare(world, models, report)
    return report


async def _is_at_rest(world: World) -> bool:
    return not await unfinished(world)


async def _compare(world: World, models: dict[Scenario, Story], report: Report) -> None:
    states = await end_states(world, world.scenarios)
    copies, excused = await second_copies(world), excused_copies(world.journal(ServiceName.NOTIFY))
    cells = {story: cell for cell in report.cells for story in cell.stories}
    for story, state in states.items():
        found = differences(states[models[world.scenarios[story]]], state)
        project = str(story.project_id)
        if copies[project] > excused[project]:
            found.append(f"{copies[project]} mails too many, {excused[project]} excused")
        cell = cells.get(story)
        if cell is not None:
            cell.copies += copies[project]
            cell.problems += [f"{project}: {line}" for line in found]
        else:
            report.problems += [f"{project}, killed by chance, {world.scenarios[story]}: {line}" for line in found]
    report.problems += await unfinished(world) + await left_behind(world, states)
