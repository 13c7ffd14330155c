"""A chaos run: orders go live while everything around them fails.

    python -m tests.chaos                                     60 orders, 25 seconds of disturbances
    python -m tests.chaos --orders 1000 --minutes 5           as long as it takes to trust it
    python -m tests.chaos --orders 1000 --minutes 5 --seed 7  the same plan again

Exit 1 if anything was lost, done twice, stuck, left behind or told wrongly.
"""

import argparse
import asyncio
import json
import secrets
import sys

from rich.console import Console

from ops.places import new_log_folder
from tests.chaos.checker import judge
from tests.chaos.pace import MINUTES, SECONDS
from tests.chaos.plan import plan
from tests.chaos.run import chaos
from tests.chaos.show import Bar, as_json, tables

FAST_BELOW = 2.0
"""Minutes. A shorter run has everything that waits shortened too."""


async def main(wanted: argparse.Namespace) -> bool:
    """Play the run, print what came of it; return whether every promise was kept."""
    console = Console(stderr=wanted.json)
    pace = MINUTES if wanted.minutes >= FAST_BELOW else SECONDS
    planned = plan(wanted.seed, orders=wanted.orders, seconds=wanted.minutes * 60, pace=pace)
    logs = new_log_folder()
    again = f'make chaos ARGS="--orders {wanted.orders} --minutes {wanted.minutes:g} --seed {wanted.seed}"'
    console.print(f"{again}; logs in {logs}", highlight=False, soft_wrap=True)
    with Bar(console, wanted.orders) as bar:
        async with chaos(planned, pace, logs, bar.show) as run:
            judgement = judge(await run.snapshot())
    tables(console, run, judgement)
    if wanted.json:
        print(json.dumps(as_json(run, judgement)))  # noqa: T201 - the result
    if judgement.findings:
        console.print(f"To repeat it: {again}; logs in {logs}", highlight=False, soft_wrap=True)
    return not judgement.findings


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """What was asked for, by `given` or by the command line."""
    parser = argparse.ArgumentParser(
        prog="make chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=25 / 60, help="how long it is disturbed")
    parser.add_argument("--seed", type=int, default=None, help="repeats a plan")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout; the rest goes to stderr")
    wanted = parser.parse_args(given)
    wanted.seed = secrets.randbelow(1_000_000) if wanted.seed is None else wanted.seed
    return wanted


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(arguments())) else 1)
