"""The usual end of a try in one statement: it is done, and its project is not cancelled.

Lock, look at the mark, leave the waiting room, log, move, outbox: whatever is not so (a cancellation, a lost lease)
is left untouched and goes the long way, a statement for each of these.

That the mark may be read in the statement that waits for the lock: whoever sets it moves the project to
`cancelling` in the same commit, and a row that was waited for is read as it is then, not as the snapshot has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic_core import to_json

from contracts import ServiceName
from shared.messaging.ending import Ended
from shared.messaging.settle import OUTBOX_LEASE
from shared.messaging.waiting_room import Fence, fences
from shared.transaction import Statement, Transaction

# No row leaves before `stopped`, and with it every lock, is there in full: NOT IN needs all of it.
_COMPLETE = Statement("""
    WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', '2s', true)),
    locked AS MATERIALIZED (
        SELECT p.vrs_id, p.provisioning_state FROM projects p, patience
        WHERE p.vrs_id = ANY(CAST(:project_ids AS uuid[])) ORDER BY p.vrs_id FOR NO KEY UPDATE OF p
    ), stopped AS MATERIALIZED (
        SELECT vrs_id AS project_id FROM locked WHERE provisioning_state IN ('cancelling', 'cancelled')
        UNION ALL SELECT project_id FROM cancellations WHERE project_id = ANY(CAST(:project_ids AS uuid[]))
    ), gone AS (
        DELETE FROM open_steps s
        USING unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[]), CAST(:tokens AS bigint[]),
                     CAST(:project_ids AS uuid[])) AS d (consumer, event_id, token, project_id)
        WHERE s.consumer = d.consumer AND s.event_id = d.event_id AND s.token = d.token AND s.state = 'running'
          AND d.project_id NOT IN (SELECT project_id FROM stopped)
        RETURNING s.token
    ), logged AS (
        INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, causation_id,
                                      correlation_id, message, detail, emitted, started_at, duration_ms)
        SELECT l.project_id, :service, l.consumer, l.step, 'completed', l.attempt, l.event_id, l.causation_id,
               l.correlation_id, l.message, CAST(l.detail AS jsonb), l.emitted, l.started_at, l.duration_ms
        FROM unnest(CAST(:tokens AS bigint[]), CAST(:project_ids AS uuid[]), CAST(:consumers AS text[]),
                    CAST(:steps AS text[]), CAST(:attempts AS int[]), CAST(:event_ids AS uuid[]),
                    CAST(:causations AS uuid[]), CAST(:correlations AS uuid[]), CAST(:texts AS text[]),
                    CAST(:details AS text[]), CAST(:emitted AS bytea[]), CAST(:started AS timestamptz[]),
                    CAST(:durations AS int[]))
             AS l (token, project_id, consumer, step, attempt, event_id, causation_id, correlation_id, message,
                   detail, emitted, started_at, duration_ms)
        JOIN gone USING (token)
    ), moved AS (
        UPDATE projects p SET provisioning_state = coalesce(d.state, p.provisioning_state),
               step_due_at = CASE WHEN d.state IS NULL AND p.step_due_at IS NOT NULL THEN p.step_due_at
                                  ELSE clock_timestamp() + make_interval(secs => d.next_due) END
        FROM unnest(CAST(:m_tokens AS bigint[]), CAST(:m_ids AS uuid[]), CAST(:m_states AS provisioning_state[]),
                    CAST(:m_due AS float8[])) AS d (token, project_id, state, next_due)
        JOIN gone USING (token)
        WHERE p.vrs_id = d.project_id
    ), said AS (
        DELETE FROM outbox WHERE id = ANY(CAST(:confirmed AS uuid[]))
    ), to_be_said AS (
        INSERT INTO outbox (id, owner, exchange, routing_key, body, headers, required, lease_until)
        SELECT o.id, :service, o.exchange, o.routing_key, o.body, CAST(o.headers AS jsonb), o.required,
               clock_timestamp() + make_interval(secs => :outbox_lease)
        FROM unnest(CAST(:o_tokens AS bigint[]), CAST(:o_ids AS uuid[]), CAST(:o_exchanges AS text[]),
                    CAST(:o_keys AS text[]), CAST(:o_bodies AS bytea[]), CAST(:o_headers AS text[]),
                    CAST(:o_required AS bool[]))
             AS o (token, id, exchange, routing_key, body, headers, required)
        JOIN gone USING (token)
    )
    SELECT token FROM gone
""")


@dataclass(frozen=True, slots=True)
class Completion:
    """A try that is done, and what is written of it."""

    fence: Fence
    project_id: UUID
    ended: Ended


async def complete(
    transaction: Transaction, service: ServiceName, completions: Sequence[Completion], confirmed: Sequence[UUID]
) -> set[int]:
    """Complete all that still may; return their tokens. Removes the confirmed outbox rows in any case."""
    logs = [(each.fence.token, log) for each in completions if (log := each.ended.log)]
    moves = [(each.fence.token, move) for each in completions if (move := each.ended.move)]
    messages = [(each.fence.token, message) for each in completions for message in each.ended.messages]
    gone = await transaction.rows(
        _COMPLETE,
        **fences([each.fence for each in completions]),
        service=service.value,
        outbox_lease=OUTBOX_LEASE,
        project_ids=[each.project_id for each in completions],
        steps=[log.step for _, log in logs],
        attempts=[log.attempt for _, log in logs],
        causations=[log.causation_id for _, log in logs],
        correlations=[log.correlation_id for _, log in logs],
        texts=[log.message for _, log in logs],
        details=[to_json(log.detail).decode() if log.detail else "{}" for _, log in logs],
        emitted=[log.emitted for _, log in logs],
        started=[log.started_at for _, log in logs],
        durations=[log.duration_ms for _, log in logs],
        m_tokens=[token for token, _ in moves],
        m_ids=[move.project_id for _, move in moves],
        m_states=[move.state and move.state.value for _, move in moves],
        m_due=[move.next_due for _, move in moves],
        confirmed=list(confirmed),
        o_tokens=[token for token, _ in messages],
        o_ids=[message.id for _, message in messages],
        o_exchanges=[message.exchange for _, message in messages],
        o_keys=[message.routing_key for _, message in messages],
        o_bodies=[message.body for _, message in messages],
        o_headers=[to_json(message.headers).decode() for _, message in messages],
        o_required=[message.required for _, message in messages],
    )
    return {row["token"] for row in gone}
