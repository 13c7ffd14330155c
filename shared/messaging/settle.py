"""The statements that end a try: its place in the waiting room, its log row, the project's state, the outbox.

They run in one transaction, after the projects' rows are locked. Statements are constants: building one per group
costs as much CPU as running it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from contracts import ServiceName
from shared.messaging.waiting_room import Fence, fences
from shared.models import LogStatus, ProvisioningState
from shared.outbox import Message
from shared.transaction import Statement, Transaction

OUTBOX_LEASE = 30.0
"""Seconds in which the process that committed a row says it; then the sweeper of its service takes over."""

_LOCK_PROJECTS = Statement("""
    WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', '2s', true))
    SELECT vrs_id FROM projects, patience
    WHERE vrs_id = ANY(CAST(:project_ids AS uuid[])) ORDER BY vrs_id FOR NO KEY UPDATE OF projects
""")
# NO KEY: inserting a licence takes a KEY SHARE lock on its project, which must not hold us up. `patience` is scanned
# before the first row is locked; it saves a round trip, and a pooler refuses it as a connection parameter.

_MARKS = Statement("SELECT project_id FROM cancellations WHERE project_id = ANY(CAST(:project_ids AS uuid[]))")

_LEAVE = Statement("""
    DELETE FROM open_steps s
    USING unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[]), CAST(:tokens AS bigint[]))
          AS d (consumer, event_id, token)
    WHERE s.consumer = d.consumer AND s.event_id = d.event_id AND s.token = d.token AND s.state = 'running'
    RETURNING s.token
""")

_STAY = Statement("""
    UPDATE open_steps s
    SET state = d.state, due_at = clock_timestamp() + make_interval(secs => d.after), wake_key = d.wake_key,
        reason = d.reason, attempt = s.attempt + d.tries, deaths = s.deaths + d.deaths,
        deadline = CASE WHEN d.endless THEN NULL
                        ELSE coalesce(s.deadline, clock_timestamp() + make_interval(secs => d.lifetime)) END
    FROM unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[]), CAST(:tokens AS bigint[]),
                CAST(:states AS step_state[]), CAST(:afters AS float8[]), CAST(:wake_keys AS text[]),
                CAST(:reasons AS text[]), CAST(:tries AS int[]), CAST(:deaths AS int[]), CAST(:endless AS bool[]),
                CAST(:lifetimes AS float8[]))
         AS d (consumer, event_id, token, state, after, wake_key, reason, tries, deaths, endless, lifetime)
    WHERE s.consumer = d.consumer AND s.event_id = d.event_id AND s.token = d.token AND s.state = 'running'
    RETURNING s.token
""")

_WRITE_DOWN = Statement("""
    WITH logged AS (
        INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, causation_id,
                                      correlation_id, message, detail, emitted, started_at, duration_ms)
        SELECT project_id, :service, consumer, step, status, attempt, event_id, causation_id, correlation_id, message,
               CAST(detail AS jsonb), emitted, started_at, duration_ms
        FROM unnest(CAST(:l_project AS uuid[]), CAST(:l_consumer AS text[]), CAST(:l_step AS text[]),
                    CAST(:l_status AS log_status[]), CAST(:l_attempt AS int[]), CAST(:l_event AS uuid[]),
                    CAST(:l_causation AS uuid[]), CAST(:l_correlation AS uuid[]), CAST(:l_message AS text[]),
                    CAST(:l_detail AS text[]), CAST(:l_emitted AS bytea[]), CAST(:l_started AS timestamptz[]),
                    CAST(:l_duration AS int[]))
             AS l (project_id, consumer, step, status, attempt, event_id, causation_id, correlation_id, message,
                   detail, emitted, started_at, duration_ms)
    ), moved AS (
        UPDATE projects p SET provisioning_state = coalesce(d.state, p.provisioning_state),
               step_due_at = CASE WHEN d.state IS NULL AND p.step_due_at IS NOT NULL THEN p.step_due_at
                                  ELSE clock_timestamp() + make_interval(secs => d.next_due) END
        FROM unnest(CAST(:p_ids AS uuid[]), CAST(:p_states AS provisioning_state[]), CAST(:p_due AS float8[]))
             AS d (project_id, state, next_due)
        WHERE p.vrs_id = d.project_id AND p.provisioning_state IS DISTINCT FROM 'cancelled'
    ), said AS (
        DELETE FROM outbox WHERE id = ANY(CAST(:confirmed AS uuid[]))
    )
    INSERT INTO outbox (id, owner, exchange, routing_key, body, headers, required, lease_until)
    SELECT id, :service, exchange, routing_key, body, CAST(headers AS jsonb), required,
           clock_timestamp() + make_interval(secs => :outbox_lease)
    FROM unnest(CAST(:o_ids AS uuid[]), CAST(:o_exchanges AS text[]), CAST(:o_keys AS text[]),
                CAST(:o_bodies AS bytea[]), CAST(:o_headers AS text[]), CAST(:o_required AS bool[]))
         AS o (id, exchange, routing_key, body, headers, required)
""")


_UNSAID = Statement("SELECT id FROM outbox WHERE id = ANY(CAST(:ids AS uuid[]))")


@dataclass(slots=True)
class LogRow:
    """A row of `provisioning_log` to be written. `emitted`: the exact bytes of the events said, one per line."""

    project_id: UUID | None
    consumer: str
    step: str
    status: LogStatus
    attempt: int
    event_id: UUID | None
    causation_id: UUID | None
    correlation_id: UUID | None
    message: str
    detail: dict[str, Any]
    emitted: bytes | None
    started_at: datetime
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Move:
    """A project's new state. `next_due`: seconds until the next step counts as late, None: nothing is due.

    Without a state the project goes on where it stood, and keeps its date if it has one.
    """

    project_id: UUID
    state: ProvisioningState | None
    next_due: float | None


@dataclass(frozen=True, slots=True)
class Stay:
    """A step that stays in the waiting room."""

    fence: Fence
    state: str
    reason: str
    after: float = 0.0
    wake_key: str | None = None
    tries: int = 0
    deaths: int = 0
    endless: bool = False
    lifetime: float = 0.0


async def lock_projects(transaction: Transaction, project_ids: Sequence[UUID]) -> set[UUID]:
    """Lock the projects' rows in one order; then, in a statement of its own, read which of them are cancelled."""
    ids = list(project_ids)
    await transaction.rows(_LOCK_PROJECTS, project_ids=ids)
    return {row["project_id"] for row in await transaction.rows(_MARKS, project_ids=ids)}


async def leave(transaction: Transaction, tries: Sequence[Fence]) -> set[int]:
    """Take tries out of the waiting room; return the tokens of those that were still ours."""
    return {row["token"] for row in await transaction.rows(_LEAVE, **fences(tries))}


async def stay(transaction: Transaction, stays: Sequence[Stay]) -> set[int]:
    """Leave tries in the waiting room in another state; return the tokens of those that were still ours."""
    stayed = await transaction.rows(
        _STAY,
        **fences([each.fence for each in stays]),
        states=[each.state for each in stays],
        afters=[each.after for each in stays],
        wake_keys=[each.wake_key for each in stays],
        reasons=[each.reason for each in stays],
        tries=[each.tries for each in stays],
        deaths=[each.deaths for each in stays],
        endless=[each.endless for each in stays],
        lifetimes=[each.lifetime for each in stays],
    )
    return {row["token"] for row in stayed}


async def unsaid(transaction: Transaction, messages: Sequence[Message]) -> list[Message]:
    """Which of `messages` stand in the outbox."""
    if not messages:
        return []
    found = {row["id"] for row in await transaction.rows(_UNSAID, ids=[message.id for message in messages])}
    return [message for message in messages if message.id in found]


async def write_down(
    transaction: Transaction,
    *,
    service: ServiceName,
    logs: Sequence[LogRow],
    moves: Sequence[Move],
    messages: Sequence[Message],
    confirmed: Sequence[UUID],
) -> None:
    """Write log rows, project states and outbox rows, and remove the outbox rows that the broker confirmed."""
    await transaction.rows(
        _WRITE_DOWN,
        service=service.value,
        outbox_lease=OUTBOX_LEASE,
        l_project=[row.project_id for row in logs],
        l_consumer=[row.consumer for row in logs],
        l_step=[row.step for row in logs],
        l_status=[row.status.value for row in logs],
        l_attempt=[row.attempt for row in logs],
        l_event=[row.event_id for row in logs],
        l_causation=[row.causation_id for row in logs],
        l_correlation=[row.correlation_id for row in logs],
        l_message=[row.message for row in logs],
        l_detail=[to_json(row.detail).decode() if row.detail else "{}" for row in logs],
        l_emitted=[row.emitted for row in logs],
        l_started=[row.started_at for row in logs],
        l_duration=[row.duration_ms for row in logs],
        p_ids=[move.project_id for move in moves],
        p_states=[move.state and move.state.value for move in moves],
        p_due=[move.next_due for move in moves],
        confirmed=list(confirmed),
        o_ids=[message.id for message in messages],
        o_exchanges=[message.exchange for message in messages],
        o_keys=[message.routing_key for message in messages],
        o_bodies=[message.body for message in messages],
        o_headers=[to_json(message.headers).decode() for message in messages],
        o_required=[message.required for message in messages],
    )
