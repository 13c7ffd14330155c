"""Throughput with one, two and three instances of every service, each a process of its own, and what saturates.

python -m benchmarks.scale_out                   4,000 orders, three rounds in turns
python -m benchmarks.scale_out --orders 1000 --rounds 1
"""

import argparse
import sys
from dataclasses import replace
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.throughput.ours import OURS
from benchmarks.throughput.run import Result
from benchmarks.throughput.session import once

INSTANCES = (1, 2, 3)


def main(orders: int, rounds: int) -> None:
    """Measure in turns and print the medians."""
    results: dict[int, list[Result]] = {count: [] for count in INSTANCES}
    for _ in range(rounds):
        for count in INSTANCES:
            results[count].append(once(replace(OURS, serve=OURS.serve * count), orders)[0])
    table = Table("instances", "orders/s", "CPU ms an order: ours", "PostgreSQL", "RabbitMQ", "MB, all")
    for count, found in results.items():
        figures = (
            ("orders_per_second", ",.0f"),
            ("cpu_client", ".2f"),
            ("cpu_database", ".2f"),
            ("cpu_broker", ".2f"),
            ("memory_all", ".0f"),
        )
        table.add_row(
            str(count), *(format(median(getattr(each, name) for each in found), spec) for name, spec in figures)
        )
    Console().print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    main(wanted.orders, wanted.rounds)
    sys.exit(0)
