"""Throughput with one, two and three instances of every service, each a process of its own, beside what the model says.

python -m benchmarks.scale_out                   4,000 orders, three rounds in turns
python -m benchmarks.scale_out --orders 1000 --rounds 1

The model: orders a second are the machine's cores by the CPU time of an order (docs/scaling.md); it holds on a machine
that does nothing else.
"""

import argparse
import os
import sys
from dataclasses import replace
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.throughput.ours import OURS
from benchmarks.throughput.run import Result
from benchmarks.throughput.session import once

INSTANCES = (1, 2, 3)
FIGURES = ("orders_per_second", "cpu_client", "cpu_database", "cpu_broker", "memory_all")


def main(orders: int, rounds: int) -> None:
    """Measure in turns and print the medians."""
    results: dict[int, list[Result]] = {count: [] for count in INSTANCES}
    for _ in range(rounds):
        for count in INSTANCES:
            results[count].append(once(replace(OURS, serve=OURS.serve * count), orders)[0])
    table = Table("instances", "orders/s", "model", "CPU ms an order: ours", "PostgreSQL", "RabbitMQ", "MB, all")
    for count, found in results.items():
        rate, *cpu, memory = (median(getattr(each, name) for each in found) for name in FIGURES)
        model = 1000 * (os.cpu_count() or 1) / sum(cpu)
        row = (f"{rate:,.0f}", f"{model:,.0f}", *(f"{each:.2f}" for each in cpu), f"{memory:.0f}")
        table.add_row(str(count), *row)
    Console().print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    main(wanted.orders, wanted.rounds)
    sys.exit(0)
