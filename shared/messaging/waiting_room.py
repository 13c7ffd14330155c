"""The statements on `open_steps`, the claim aside. Each runs in the caller's transaction, for the tokens it names.

All times are the database's: leases, due dates and deadlines are intervals here and come back as intervals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.messaging.claim import settled_already
from shared.messaging.given import STEP, WITH_FACTS, StepRow, step_of
from shared.transaction import Statement, Transaction

# Materialized: a locking subquery that a join evaluates again takes more each time, whatever its LIMIT. By an array of
# ctids, which the locks make lasting: any other join reads the whole table once there are statistics.
# `statement_timestamp` and not `clock_timestamp`, for which PostgreSQL reads the index to its end, whatever is due.
# A claim that is repeated must not find what was taken since.
TAKE = Statement(f"""
    WITH due AS MATERIALIZED (
        SELECT d.ctid, d.state
        FROM unnest((SELECT CAST(:consumers AS text[])), CAST(:rooms AS int[])) AS r (consumer, room)
        CROSS JOIN LATERAL (
            SELECT o.ctid, o.state FROM open_steps o
            WHERE o.consumer = r.consumer AND o.state <> 'dead' AND o.due_at <= statement_timestamp()
            ORDER BY o.due_at LIMIT r.room FOR UPDATE SKIP LOCKED
        ) d
    ), given AS (
    UPDATE open_steps s
    SET state = 'running', token = nextval('step_tokens'), wake_key = NULL, claim = NULL,
        attempt = s.attempt + CASE WHEN s.state = 'running' THEN 1 ELSE 0 END,
        due_at = clock_timestamp() + make_interval(secs => :lease)
    FROM due d WHERE s.ctid = d.ctid AND s.ctid = ANY (ARRAY(SELECT ctid FROM due))
    RETURNING s.consumer, {STEP}, d.state = 'running' AS crashed
    ) {WITH_FACTS}
""")  # noqa: S608 - constants of ours

# The version before made a claim of two statements; a crash between them has left a step of what was done.
_UNTAKE_SETTLED = Statement(f"""
    DELETE FROM open_steps s
    USING unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[])) AS d (consumer, event_id)
    WHERE s.consumer = d.consumer AND s.event_id = d.event_id AND {settled_already("d.consumer")}
    RETURNING s.event_id, s.consumer
""")  # noqa: S608 - a constant of ours

_RENEW = Statement("""
    UPDATE open_steps s SET due_at = clock_timestamp() + make_interval(secs => :lease)
    FROM unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[]), CAST(:tokens AS bigint[]))
         AS d (consumer, event_id, token)
    WHERE s.consumer = d.consumer AND s.event_id = d.event_id AND s.token = d.token AND s.state = 'running'
    RETURNING s.token
""")

# A row that a commit of ours holds is being ended: waiting for it could deadlock with that very commit.
_RENEW_UNLOCKED = Statement("""
    UPDATE open_steps s SET due_at = clock_timestamp() + make_interval(secs => :lease)
    FROM (SELECT o.consumer, o.event_id
          FROM open_steps o
          JOIN unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[]), CAST(:tokens AS bigint[]))
               AS d (consumer, event_id, token)
            ON o.consumer = d.consumer AND o.event_id = d.event_id AND o.token = d.token AND o.state = 'running'
          FOR UPDATE OF o SKIP LOCKED) ours
    WHERE s.consumer = ours.consumer AND s.event_id = ours.event_id
    RETURNING s.token
""")

_RELEASE = Statement("""
    UPDATE open_steps s SET state = 'waiting', due_at = clock_timestamp()
    FROM unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[]), CAST(:tokens AS bigint[]))
         AS d (consumer, event_id, token)
    WHERE s.consumer = d.consumer AND s.event_id = d.event_id AND s.token = d.token AND s.state = 'running'
""")

_WAKE = Statement("""
    UPDATE open_steps s SET state = 'waiting', due_at = clock_timestamp(), wake_key = NULL
    FROM (SELECT consumer, event_id FROM open_steps WHERE wake_key = :key AND state = 'parked'
          ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED) d
    WHERE s.consumer = d.consumer AND s.event_id = d.event_id
    RETURNING s.event_id
""")

_PARKED_KEYS = Statement("""
    SELECT DISTINCT wake_key FROM open_steps
    WHERE state = 'parked' AND wake_key LIKE :pattern ESCAPE '!' AND consumer LIKE :consumers
""")


@dataclass(frozen=True, slots=True)
class Fence:
    """What names a running try in every write about it."""

    consumer: str
    event_id: UUID
    token: int


def fences(tries: Sequence[Fence]) -> dict[str, list[Any]]:
    """The parameters by which statements name tries."""
    return {
        "consumers": [fence.consumer for fence in tries],
        "event_ids": [fence.event_id for fence in tries],
        "tokens": [fence.token for fence in tries],
    }


async def take(transaction: Transaction, rooms: Mapping[str, int], lease: float) -> dict[str, list[StepRow]]:
    """Take steps that are due or whose lease has ended, of each consumer the longest waiting first.

    `rooms` is how many of which consumer at most; whoever has none is in the result, with an empty list.
    """
    taken: dict[str, list[StepRow]] = {consumer: [] for consumer in rooms}
    for row in await transaction.rows(TAKE, consumers=list(rooms), rooms=list(rooms.values()), lease=lease):
        taken[row["consumer"]].append(step_of(row))
    crashed = [(consumer, row.event_id) for consumer, rows in taken.items() for row in rows if row.crashed]
    if crashed:
        consumers, event_ids = map(list, zip(*crashed, strict=True))
        settled = await transaction.rows(_UNTAKE_SETTLED, consumers=consumers, event_ids=event_ids)
        gone = {(row["consumer"], row["event_id"]) for row in settled}
        taken = {to: [row for row in rows if (to, row.event_id) not in gone] for to, rows in taken.items()}
    return taken


async def renew(transaction: Transaction, tries: Sequence[Fence], lease: float, *, wait: bool = True) -> set[int]:
    """Renew the leases that are still ours; return their tokens. Without `wait`, pass over rows that are locked."""
    renewed = await transaction.rows(_RENEW if wait else _RENEW_UNLOCKED, lease=lease, **fences(tries))
    return {row["token"] for row in renewed}


async def release(transaction: Transaction, tries: Sequence[Fence]) -> None:
    """Give running tries back, to be taken at once by whoever looks next. Counts no attempt."""
    await transaction.rows(_RELEASE, **fences(tries))


async def wake(transaction: Transaction, key: str, most: int | None) -> int:
    """Wake the steps parked under `key`, oldest first; return how many."""
    return len(await transaction.rows(_WAKE, key=key, most=most))


async def parked_keys(transaction: Transaction, *, service: str, prefix: str) -> list[str]:
    """The distinct keys beginning with `prefix` under which steps of `service` are parked."""
    pattern = prefix.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
    found = await transaction.rows(_PARKED_KEYS, pattern=pattern, consumers=f"{service}.%")
    return [row["wake_key"] for row in found]
