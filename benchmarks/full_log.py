"""What a million completed orders in the log cost the next ones: ours, on an empty and on a full database, in turns.

python -m benchmarks.full_log                              1,000,000 orders, written anew for each round
python -m benchmarks.full_log --past 100000 --rounds 1

Each past order has its project, its order row and four completed log rows with the bytes that they said.
"""

import argparse
import sys
import time
from statistics import median

from rich.console import Console
from sqlalchemy import text

from benchmarks.throughput.ours import OURS
from benchmarks.throughput.session import once
from benchmarks.throughput.work import CHAIN
from shared.database import Database

AT_ONCE = 20_000
SLOWER_AT_MOST = 0.9

_PAST = text("""
    WITH made AS (
        INSERT INTO projects (vrs_id, name, slug, provisioning_state)
        SELECT uuidv7(), 'past-' || n, 'past-' || n, 'live'
        FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n
        RETURNING vrs_id, slug
    ), ordered AS (
        INSERT INTO project_orders (project_id, correlation_id, slug, fqdn, base_domain, project_type, plan, plugins,
                                    locale, customer_name, customer_email, ordered_at)
        SELECT vrs_id, uuidv7(), slug, slug || '.vrs.example', 'vrs.example', 'vrs-core', 'starter', '[]', 'de',
               'Erika Muster', 'erika@example.com', now()
        FROM made
    )
    INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, correlation_id,
                                  message, detail, emitted, started_at, duration_ms)
    SELECT vrs_id, split_part(s, '.', 1), s, split_part(s, '.', 2), 'completed', 1, uuidv7(), uuidv7(), 'done', '{}',
           convert_to(repeat(md5(slug), 22), 'UTF8'), now(), 0
    FROM made, unnest(CAST(:consumers AS text[])) AS s
""")  # PostgreSQL 18
CONSUMERS = [link.queue for link in CHAIN]


def main(past: int, orders: int, rounds: int) -> bool:
    """Measure in turns; return whether the full database costs less than a tenth."""

    async def fill(database: Database) -> None:
        began = time.monotonic()
        async with database.autocommit.begin() as connection:
            await connection.execute(text("SET synchronous_commit = off"))
            for first in range(1, past + 1, AT_ONCE):
                span = {"first": first, "last": min(first + AT_ONCE - 1, past)}
                await connection.execute(_PAST, {**span, "consumers": CONSUMERS})
            await connection.execute(text("RESET synchronous_commit"))
            await connection.execute(text("VACUUM ANALYZE"))
            await connection.execute(text("CHECKPOINT"))
            size = (await connection.execute(text("SELECT pg_database_size(current_database())"))).scalar_one()
        Console().print(f"{past:,} past orders, {size / 1e9:.1f} GB, written in {time.monotonic() - began:.0f} s")

    empty, full = [], []
    for _ in range(rounds):
        empty.append(once(OURS, orders)[0])
        full.append(once(OURS, orders, prepare=fill)[0])
    rates = [median(each.orders_per_second for each in results) for results in (empty, full)]
    cpu = [median(each.cpu_client + each.cpu_database for each in results) for results in (empty, full)]
    ratio = rates[1] / rates[0]
    Console().print(
        f"empty {rates[0]:,.0f} orders/s, {cpu[0]:.2f} ms of CPU an order (ours and PostgreSQL's); "
        f"full {rates[1]:,.0f} orders/s, {cpu[1]:.2f} ms: {ratio:.0%}"
    )
    return ratio >= SLOWER_AT_MOST


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--past", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    sys.exit(0 if main(wanted.past, wanted.orders, wanted.rounds) else 1)
