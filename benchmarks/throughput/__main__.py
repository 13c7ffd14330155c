"""The whole benchmark: ours, the floor and the peers in turns; prints a table, stores JSON, plots and docs' tables.

make bench                                     three rounds of all, latencies in the last (about 12 minutes)
make bench ARGS="--rounds 1 --only ours floor" some of them; stores nothing
make bench ARGS="--report"                     writes plots and docs/performance.md anew from what is stored
make bench-quick                               ours against the floor, held to the stored ratio; under two minutes
"""

import argparse
import sys

from benchmarks.throughput.contenders import FLOOR, NAMES, OURS
from benchmarks.throughput.report import print_table, write_docs
from benchmarks.throughput.session import RESULTS, Session, run

RATES = (10.0, 50.0, 100.0, 200.0)
QUICK_ORDERS = 3000
TOLERANCE = 0.9
"""Of the stored ratio to the floor; below it the quick run fails."""


def main() -> int:
    """Measure as the arguments say; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--orders", type=int, default=4000, help="of ours and the floor (%(default)s)")
    parser.add_argument("--peer-orders", type=int, default=400, help="of each peer (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--no-latency", action="store_true", help="throughput only")
    parser.add_argument("--report", action="store_true", help="measure nothing, write plots and docs from the results")
    parser.add_argument("--quick", action="store_true", help="ours and the floor only, held to the stored ratio")
    wanted = parser.parse_args()
    if wanted.report:
        write_docs(Session.load())
        return 0
    if wanted.quick:
        return _quick()
    session = run(
        wanted.only or NAMES,
        rounds=wanted.rounds,
        orders=wanted.orders,
        peer_orders=wanted.peer_orders,
        rates=() if wanted.no_latency else RATES,
        command=f"python -m benchmarks.throughput {' '.join(sys.argv[1:])}".strip(),
    )
    print_table(session)
    if not wanted.only:
        session.save()
        write_docs(session)
    return 0


def _quick() -> int:
    try:
        stored = Session.load().ratio()
    except FileNotFoundError:
        print(f"{RESULTS} is missing: run `make bench` first", file=sys.stderr)
        return 1
    session = run((FLOOR, OURS), rounds=3, orders=QUICK_ORDERS, peer_orders=0, rates=(), command="quick")
    print_table(session)
    ratio = session.ratio()
    print(f"ours has {ratio:.0%} of the floor's throughput; stored: {stored:.0%}")
    return 0 if ratio >= TOLERANCE * stored else 1


if __name__ == "__main__":
    sys.exit(main())
