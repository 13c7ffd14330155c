"""How deliveries become steps of ours: each event once, whatever else claims, completes or cancels meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.crash_points import CrashPoint, reached
from shared.messaging.given import STEP, WITH_FACTS, StepRow, step_of
from shared.models.log import SETTLED
from shared.transaction import Statement, Transaction


def settled_already(consumer: str = ":consumer") -> str:
    """SQL condition of an event `d` that is done: one look into the index for each.

    OFFSET 0 keeps the planner from making a join of it, which, where statistics are missing or old, reads the
    consumer's whole log for each group.
    """
    return f"""
        EXISTS (SELECT FROM provisioning_log l
                WHERE l.consumer = {consumer} AND l.event_id = d.event_id AND l.{SETTLED} OFFSET 0)
    """


_CLAIM = Statement(f"""
    WITH given AS (
    INSERT INTO open_steps AS s (consumer, event_id, project_id, body, state, attempt, token, due_at, deadline, deaths,
                                 claim)
    SELECT :consumer, d.event_id, d.project_id, d.body, 'running', 1, nextval('step_tokens'),
           clock_timestamp() + make_interval(secs => :lease), clock_timestamp() + make_interval(secs => :lifetime),
           d.deaths, :claim
    FROM unnest((SELECT CAST(:event_ids AS uuid[])), CAST(:project_ids AS uuid[]), CAST(:bodies AS bytea[]),
                CAST(:deaths AS int[])) AS d (event_id, project_id, body, deaths)
    WHERE NOT {settled_already()}
      AND ((SELECT CAST(:despite_cancellation AS boolean))
           OR NOT EXISTS (SELECT FROM cancellations c WHERE c.project_id = d.project_id OFFSET 0))
    ON CONFLICT (consumer, event_id) DO UPDATE
        SET state = 'running', attempt = s.attempt + 1, token = EXCLUDED.token, due_at = EXCLUDED.due_at,
            deadline = EXCLUDED.deadline, body = EXCLUDED.body, project_id = EXCLUDED.project_id, reason = NULL,
            claim = EXCLUDED.claim
        WHERE s.state = 'dead' AND s.deaths = EXCLUDED.deaths
    RETURNING {STEP}, false AS crashed
    ) {WITH_FACTS}
""")  # noqa: S608 - constants of ours

_CLAIMED = Statement(f"""
    WITH given AS (
    UPDATE open_steps s SET due_at = clock_timestamp() + make_interval(secs => :lease)
    WHERE s.consumer = :consumer AND s.event_id = ANY(CAST(:event_ids AS uuid[])) AND s.claim = :claim
      AND s.state = 'running'
    RETURNING {STEP}, false AS crashed
    ) {WITH_FACTS}
""")  # noqa: S608 - constants of ours


@dataclass(frozen=True, slots=True)
class Claim:
    """A consumer's claim of (event id, project id, body, deaths named by its header), each event once.

    `id` names it in every row that it gets, also if it has to be made again: what it got before is ours.
    """

    id: UUID
    consumer: str
    despite_cancellation: bool
    lease: float
    lifetime: float
    deliveries: Sequence[tuple[UUID, UUID, bytes, int]]


async def claim(transaction: Transaction, claim: Claim, *, again: bool) -> list[StepRow]:
    """Open a step for each event that is not done or open. `again`: an earlier call has had no answer.

    A dead step opens again if the header names its number of deaths: that is a replay, anything else a duplicate.

    Raises:
        asyncpg.exceptions.SerializationError: one of the events was completed while the statement waited for that very
            commit; nothing is claimed. Once more, and the log shows it.

    """
    event_ids, project_ids, bodies, deaths = map(list, zip(*claim.deliveries, strict=True))
    names = {"consumer": claim.consumer, "claim": claim.id, "lease": claim.lease, "event_ids": event_ids}
    ours = await transaction.rows(
        _CLAIM,
        **names,
        despite_cancellation=claim.despite_cancellation,
        lifetime=claim.lifetime,
        project_ids=project_ids,
        bodies=bodies,
        deaths=deaths,
    )
    if again:  # in a statement of its own: the earlier one may have been committed while this one waited for it
        ours = await transaction.rows(_CLAIMED, **names)
    rows = [step_of(row) for row in ours]
    reached(CrashPoint.CLAIM_WRITTEN, rows)
    return rows
