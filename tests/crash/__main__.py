"""``python -m tests.crash``: the whole matrix, as a table. Exit code 1 if anything was lost, doubled or left behind."""

import sys
import time

from pydantic import SecretStr

from ops.foreground import run as run_in_foreground
from ops.places import new_log_folder
from ops.schema import upgrade
from ops.stack import local_stack
from shared.database import open_database, wait_until_up
from shared.settings import Settings
from tests.choreography.events import Story
from tests.crash.matrix import GROUPS, ROWS, Cell, Row, cells_of, group_cells_of
from tests.crash.report import run
from tests.crash.world import World, running_world


def _cells(world: World, row: Row, undisturbed: Story) -> list[Cell]:
    return list(group_cells_of(row) if row.group else cells_of(world, row, undisturbed))


def _tell(cell: Cell) -> None:
    mark = "✗" if cell.problems else "✓" if cell.reached else "-"
    sys.stderr.write("  ".join([mark, str(cell), *cell.problems]) + "\n")


async def main() -> int:
    """Run the matrix over a system of its own; arguments choose rows by a part of their names."""
    began = time.monotonic()
    rows = [row for row in (*ROWS, *GROUPS) if not sys.argv[1:] or any(word in str(row) for word in sys.argv[1:])]
    logs = new_log_folder()
    with local_stack(logs) as stack:
        await stack.wait()
        settings = Settings(amqp_url=SecretStr(stack.amqp_url), database_url=SecretStr(stack.database_url))
        database = open_database(settings, application_name="vrs crash matrix")
        try:
            await wait_until_up(database)
            await upgrade(database.engine)
            async with running_world(stack.amqp_url, database, logs, stack.guard) as world:
                report = await run(world, rows, _cells, told=_tell)
                if not sys.argv[1:]:
                    report.problems += [f"nobody was killed at: {point}" for point in report.missed]
        finally:
            await database.engine.dispose()
    lines = [report.table()]
    for cell in report.failed:
        lines += ["", f"✗ {cell}", *(f"    {problem}" for problem in cell.problems)]
    if report.problems:
        lines += ["", "✗ besides", *(f"    {problem}" for problem in report.problems)]
    sys.stdout.write("\n".join([*lines, "", f"{time.monotonic() - began:.0f} s; logs and journals in {logs}", ""]))
    return 1 if report.failed or report.problems or not report.killed else 0


if __name__ == "__main__":
    sys.exit(run_in_foreground(main()))
