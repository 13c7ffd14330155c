"""The statements on `open_steps`. Each runs in the caller's transaction; each names the token it acts for.

All times are the database's: leases, due dates and deadlines are intervals here and come back as intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from contracts import Locale, Plugin
from shared.models import ProvisioningState
from shared.models.log import SETTLED
from shared.step import AppImage, ProjectFacts
from shared.transaction import Statement, Transaction

log = structlog.get_logger(__name__)

_STEP = """
    s.event_id, s.project_id, s.body, s.attempt, s.token, s.deaths, s.reason, s.created_at, s.supersedes,
    extract(epoch FROM s.deadline - clock_timestamp())::float8 AS remaining
"""

SETTLED_ALREADY = f"""
    EXISTS (SELECT FROM provisioning_log l
            WHERE l.consumer = :consumer AND l.event_id = d.event_id AND l.{SETTLED} OFFSET 0)
"""
"""SQL condition of an event `d` that is done: one look into the index for each. OFFSET 0 keeps the planner from making
a join of it, which, where statistics are missing or old, reads the consumer's whole log for each group."""

_FACTS = """
    SELECT o.project_id AS ordered, p.provisioning_state AS project_state, o.slug, o.fqdn, o.base_domain,
           o.project_type, o.plan, o.plugins, o.locale, o.customer_name, o.customer_email, o.ordered_at,
           t.vrs_image, t.vrs_image_tag, t.vrs_port
    FROM project_orders o JOIN projects p ON p.vrs_id = o.project_id
    LEFT JOIN project_types t
      ON t.name = o.project_type AND t.vrs_image IS NOT NULL AND t.vrs_image_tag IS NOT NULL AND t.vrs_port IS NOT NULL
"""

_WITH_FACTS = f"""
    SELECT g.*, f.* FROM given g LEFT JOIN LATERAL ({_FACTS} WHERE o.project_id = g.project_id OFFSET 0) f ON true
"""  # noqa: S608 - constants of ours
"""Steps that were `given` us, with what is known of their projects; OFFSET 0 as above."""

_CLAIM = Statement(f"""
    WITH given AS (
    INSERT INTO open_steps AS s (consumer, event_id, project_id, body, state, attempt, token, due_at, deadline, deaths)
    SELECT :consumer, d.event_id, d.project_id, d.body, 'running', 1, nextval('step_tokens'),
           clock_timestamp() + make_interval(secs => :lease), clock_timestamp() + make_interval(secs => :lifetime),
           d.deaths
    FROM unnest(CAST(:event_ids AS uuid[]), CAST(:project_ids AS uuid[]), CAST(:bodies AS bytea[]),
                CAST(:deaths AS int[])) AS d (event_id, project_id, body, deaths)
    WHERE NOT {SETTLED_ALREADY}
      AND (:despite_cancellation
           OR NOT EXISTS (SELECT FROM cancellations c WHERE c.project_id = d.project_id OFFSET 0))
    ON CONFLICT (consumer, event_id) DO UPDATE
        SET state = 'running', attempt = s.attempt + 1, token = EXCLUDED.token, due_at = EXCLUDED.due_at,
            deadline = EXCLUDED.deadline, body = EXCLUDED.body, project_id = EXCLUDED.project_id, reason = NULL
        WHERE s.state = 'dead' AND s.deaths = EXCLUDED.deaths
    RETURNING {_STEP}, false AS crashed
    ) {_WITH_FACTS}
""")  # noqa: S608 - constants of ours

_UNCLAIM_SETTLED = Statement(f"""
    DELETE FROM open_steps s USING unnest(CAST(:event_ids AS uuid[])) AS d (event_id)
    WHERE s.consumer = :consumer AND s.event_id = d.event_id AND {SETTLED_ALREADY}
    RETURNING s.event_id
""")  # noqa: S608 - constants of ours

_TAKE = Statement(f"""
    WITH given AS (
    UPDATE open_steps s
    SET state = 'running', token = nextval('step_tokens'), wake_key = NULL,
        attempt = s.attempt + CASE WHEN s.state = 'running' THEN 1 ELSE 0 END,
        due_at = clock_timestamp() + make_interval(secs => :lease)
    FROM (SELECT event_id, state FROM open_steps
          WHERE consumer = :consumer AND state <> 'dead' AND due_at <= clock_timestamp()
          ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED) d
    WHERE s.consumer = :consumer AND s.event_id = d.event_id
    RETURNING {_STEP}, d.state = 'running' AS crashed
    ) {_WITH_FACTS}
""")  # noqa: S608 - constants of ours

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

_FACTS_OF = Statement(f"{_FACTS} WHERE o.project_id = :project_id")


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step that was claimed or taken.

    `remaining` seconds are left until its deadline; None: it has none now. `crashed`: its last try ended without a
    word, its lease ran out. `project`: what was ordered, if that is known. `supersedes`: it is an edited copy of that
    event.
    """

    event_id: UUID
    project_id: UUID | None
    body: bytes
    attempt: int
    token: int
    deaths: int
    reason: str | None
    created_at: datetime
    remaining: float | None
    crashed: bool
    project: ProjectFacts | None = None
    supersedes: UUID | None = None


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


async def claim(
    transaction: Transaction,
    *,
    consumer: str,
    despite_cancellation: bool,
    lease: float,
    lifetime: float,
    deliveries: Sequence[tuple[UUID, UUID, bytes, int]],
) -> list[StepRow]:
    """Open a step for each (event id, project id, body, deaths named by its header) that is not done or open.

    A dead step opens again if the header names its number of deaths: that is a replay, anything else a duplicate.
    The second statement removes what was completed while the first one waited for that very commit.
    """
    event_ids, project_ids, bodies, deaths = map(list, zip(*deliveries, strict=True))
    claimed = await transaction.rows(
        _CLAIM,
        consumer=consumer,
        despite_cancellation=despite_cancellation,
        lease=lease,
        lifetime=lifetime,
        event_ids=event_ids,
        project_ids=project_ids,
        bodies=bodies,
        deaths=deaths,
    )
    rows = [_step(row) for row in claimed]
    if not rows:
        return []
    gone = await unclaim_settled(transaction, consumer, [row.event_id for row in rows])
    return [row for row in rows if row.event_id not in gone]


async def unclaim_settled(transaction: Transaction, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Take out again what the log by now shows settled; return which. In a statement after the one that put it in."""
    gone = await transaction.rows(_UNCLAIM_SETTLED, consumer=consumer, event_ids=list(event_ids))
    return {row["event_id"] for row in gone}


async def take(transaction: Transaction, *, consumer: str, lease: float, most: int) -> list[StepRow]:
    """Take at most `most` steps that are due or whose lease has ended, the longest waiting first."""
    return [_step(row) for row in await transaction.rows(_TAKE, consumer=consumer, lease=lease, most=most)]


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


async def project_facts(transaction: Transaction, project_id: UUID) -> ProjectFacts | None:
    """What is known of a project that was ordered."""
    found = await transaction.rows(_FACTS_OF, project_id=project_id)
    return _facts(found[0]) if found else None


def _step(row: Any) -> StepRow:
    return StepRow(
        event_id=row["event_id"],
        project_id=row["project_id"],
        body=row["body"],
        attempt=row["attempt"],
        token=row["token"],
        deaths=row["deaths"],
        reason=row["reason"],
        created_at=row["created_at"],
        remaining=row["remaining"],
        crashed=row["crashed"],
        project=_facts(row) if row["ordered"] else None,
        supersedes=row["supersedes"],
    )


def _facts(row: Any) -> ProjectFacts | None:
    try:
        return _readable(row)
    except ValueError:  # somebody changed the row by hand: this project waits, the others go on
        log.exception("an order row cannot be read", project=str(row["ordered"]))
        return None


def _readable(row: Any) -> ProjectFacts:
    return ProjectFacts(
        state=ProvisioningState(row["project_state"] or ProvisioningState.ORDERED),
        slug=row["slug"],
        fqdn=row["fqdn"],
        base_domain=row["base_domain"],
        project_type=row["project_type"],
        plan=row["plan"],
        plugins=tuple(Plugin.model_validate(plugin) for plugin in row["plugins"]),
        locale=Locale(row["locale"]),
        customer_name=row["customer_name"],
        customer_email=row["customer_email"],
        ordered_at=row["ordered_at"],
        image=AppImage(row["vrs_image"], row["vrs_image_tag"], row["vrs_port"]) if row["vrs_image"] else None,
    )
