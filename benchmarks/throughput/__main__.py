"""Orders a second through all four steps, saturated; a line of JSON a round. Every round starts a stack of its own.

python -m benchmarks.throughput --orders 5000 --rounds 3
python -m benchmarks.throughput --one-process
"""

import argparse
import asyncio
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.throughput.run import Result, measure
from ops.stack import Stack, local_stack


def main(orders: int, rounds: int, *, one_process: bool) -> None:
    """Measure and print."""
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder, local_stack(Path(folder)) as stack:
            result = asyncio.run(_round(stack, orders, Path(folder), one_process=one_process))
        print(json.dumps({name: round(value, 2) for name, value in asdict(result).items()}), flush=True)


async def _round(stack: Stack, orders: int, logs: Path, *, one_process: bool) -> Result:
    await stack.wait()
    return await measure(stack, orders, logs, one_process=one_process)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--one-process", action="store_true", help="all four services in one process")
    wanted = parser.parse_args()
    main(wanted.orders, wanted.rounds, one_process=wanted.one_process)
