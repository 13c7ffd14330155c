"""What the desk did: who, when, what, why, to which letters, and what became of it; each also as an event.

An action's rows and events are committed before a letter is touched. The desk says the events itself; if it is killed
first, the marketplace's sweeper does.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CloudEvent, DeadLetterHandled, DeskActionKind, ServiceName, uuid7
from shared.database import Database
from shared.dead_letters.letter import Key
from shared.dead_letters.view import DeadLetter
from shared.messaging.clean import clean
from shared.models import LetterOutcome
from shared.outbox import Message, said

OWNER = ServiceName.MARKETPLACE
"""Whose sweeper says an event of the desk that was killed before it could."""

LEASE = timedelta(seconds=30)
NOBODYS_PROJECT = UUID(int=0)
LONGEST_REASON = 500

_BEGIN = text("""
    INSERT INTO desk_actions (id, kind, by, reason, detail)
    VALUES (:id, CAST(:kind AS desk_action_kind), :by, :reason, CAST(:detail AS jsonb))
""")

_LETTERS = text("""
    WITH said AS (
        INSERT INTO outbox (id, owner, exchange, routing_key, body, headers, required, lease_until)
        SELECT id, :owner, exchange, routing_key, body, CAST(headers AS jsonb), false,
               clock_timestamp() + make_interval(secs => :lease)
        FROM unnest(CAST(:o_ids AS uuid[]), CAST(:o_exchanges AS text[]), CAST(:o_keys AS text[]),
                    CAST(:o_bodies AS bytea[]), CAST(:o_headers AS text[]))
             AS o (id, exchange, routing_key, body, headers)
    ), removed AS (
        DELETE FROM outbox WHERE id = ANY(CAST(:confirmed AS uuid[]))
    )
    INSERT INTO desk_action_letters (action_id, consumer, event_id, death)
    SELECT :action_id, consumer, event_id, death
    FROM unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[]), CAST(:deaths AS int[]))
         AS d (consumer, event_id, death)
    ON CONFLICT (action_id, consumer, event_id) DO NOTHING
""")

_OUTCOMES = text("""
    UPDATE desk_action_letters l SET outcome = d.outcome
    FROM unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[]), CAST(:outcomes AS letter_outcome[]))
         AS d (consumer, event_id, outcome)
    WHERE l.action_id = :action_id AND l.consumer = d.consumer AND l.event_id = d.event_id
""")

_END = text("""
    WITH removed AS (DELETE FROM outbox WHERE id = ANY(CAST(:confirmed AS uuid[])))
    UPDATE desk_actions SET ended_at = clock_timestamp(), detail = detail || CAST(:detail AS jsonb) WHERE id = :id
""")

_HISTORY = text("""
    SELECT a.id, a.kind, a.by, a.reason, a.detail, a.began_at, a.ended_at,
           (SELECT coalesce(jsonb_object_agg(coalesce(o.outcome::text, 'not known'), o.count), '{}')
            FROM (SELECT CASE WHEN l.id IS NULL THEN t.outcome ELSE 'done' END AS outcome, count(*)
                  FROM desk_action_letters t
                  LEFT JOIN provisioning_log l
                    ON a.kind = 'replay' AND coalesce(t.outcome, 'still running') = 'still running'
                   AND l.consumer = t.consumer AND l.event_id = t.event_id AND l.status = 'completed'
                  WHERE t.action_id = a.id GROUP BY 1) o)
           AS outcomes
    FROM desk_actions a
    WHERE CAST(:event_id AS uuid) IS NULL
       OR a.id IN (SELECT action_id FROM desk_action_letters
                   WHERE event_id = CAST(:event_id AS uuid) AND consumer = :consumer)
    ORDER BY a.began_at DESC, a.id DESC LIMIT :most
""")


Beside = Callable[[AsyncConnection, Sequence[DeadLetter]], Awaitable[None]]
"""What is written down of the letters in the commit with which an action begins, before any is touched."""


async def nothing(_connection: AsyncConnection, _letters: Sequence[DeadLetter]) -> None:
    """Write nothing beside the action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who acts, and why."""

    name: str
    reason: str | None = None


@dataclass(slots=True)
class Action:
    """An action under way. `confirmed`: outbox rows that the broker took, to be removed with the next commit."""

    kind: DeskActionKind
    operator: Operator
    id: UUID = field(default_factory=uuid7)
    confirmed: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PastAction:
    """An action as it is remembered. `outcomes` counts letters by what became of them; times are UTC.

    Of a letter that a replay had to leave before it ended, or that was killed, the log tells whether it is done by now.
    """

    id: UUID
    kind: DeskActionKind
    by: str
    reason: str | None
    detail: Mapping[str, Any]
    began_at: datetime
    ended_at: datetime | None
    outcomes: Mapping[str, int]


async def begin(
    connection: AsyncConnection, kind: DeskActionKind, operator: Operator, detail: Mapping[str, Any]
) -> Action:
    """Write down that `operator` begins."""
    action = Action(kind, operator)
    await connection.execute(
        _BEGIN,
        {
            "id": action.id,
            "kind": kind.value,
            "by": clean(operator.name),
            "reason": clean(operator.reason) if operator.reason else None,
            "detail": json.dumps(detail, default=str),
        },
    )
    return action


async def about(
    connection: AsyncConnection,
    action: Action,
    letters: Sequence[DeadLetter],
    copies: Mapping[Key, UUID] | None = None,
) -> list[Message]:
    """Write down that the action is about `letters`, and the events of it; return those to be said.

    `copies`: by which event an edit replaces a letter.
    """
    events = [_handled(action, letter, (copies or {}).get(letter.key)) for letter in letters]
    messages = [said(event) for event in events]
    await connection.execute(
        _LETTERS,
        {
            "owner": OWNER.value,
            "lease": LEASE.total_seconds(),
            "o_ids": [message.id for message in messages],
            "o_exchanges": [message.exchange for message in messages],
            "o_keys": [message.routing_key for message in messages],
            "o_bodies": [message.body for message in messages],
            "o_headers": [json.dumps(message.headers) for message in messages],
            "confirmed": action.confirmed,
            "action_id": action.id,
            "consumers": [letter.consumer for letter in letters],
            "event_ids": [letter.event_id for letter in letters],
            "deaths": [letter.deaths for letter in letters],
        },
    )
    action.confirmed = []
    return messages


async def record_outcomes(connection: AsyncConnection, action: Action, outcomes: Mapping[Key, LetterOutcome]) -> None:
    """Write down what became of letters."""
    await connection.execute(
        _OUTCOMES,
        {
            "action_id": action.id,
            "consumers": [consumer for consumer, _ in outcomes],
            "event_ids": [event_id for _, event_id in outcomes],
            "outcomes": [outcome.value for outcome in outcomes.values()],
        },
    )


async def end(connection: AsyncConnection, action: Action, **detail: Any) -> None:
    """Write down that the action is over."""
    parameters = {"id": action.id, "confirmed": action.confirmed, "detail": json.dumps(detail, default=str)}
    await connection.execute(_END, parameters)
    action.confirmed = []


async def history(database: Database, key: Key | None = None, *, most: int = 50) -> list[PastAction]:
    """Read what was done, the newest first; of one step if `key` is given."""
    parameters = {"consumer": key and key[0], "event_id": key and key[1], "most": most}
    async with database.autocommit.begin() as connection:
        rows = (await connection.execute(_HISTORY, parameters)).all()
    return [
        PastAction(
            id=row.id,
            kind=DeskActionKind(row.kind),
            by=row.by,
            reason=row.reason,
            detail=row.detail,
            began_at=row.began_at,
            ended_at=row.ended_at,
            outcomes=row.outcomes,
        )
        for row in rows
    ]


def counted(outcomes: Iterable[LetterOutcome]) -> dict[str, int]:
    """How many of each there are, for people and JSON."""
    found: dict[str, int] = {}
    for outcome in outcomes:
        found[outcome.value] = found.get(outcome.value, 0) + 1
    return found


def _handled(action: Action, letter: DeadLetter, copy_id: UUID | None) -> CloudEvent[DeadLetterHandled]:
    reason = action.operator.reason
    return CloudEvent.of(
        DeadLetterHandled.model_construct(
            action=action.kind,
            action_id=action.id,
            consumer=letter.consumer,
            event=letter.event_id,
            by=_line(action.operator.name) or "unknown",
            reason=_line(reason) or None if reason else None,
            copy_id=copy_id,
        ),
        source=OWNER.value,
        project_id=letter.project_id or NOBODYS_PROJECT,
        correlation_id=letter.correlation_id,
        causation_id=letter.event_id,
    )


def _line(words: str) -> str:
    """`words` as the contract's Text: one line, no control characters."""
    return "".join(character if character.isprintable() else " " for character in clean(words))[:LONGEST_REASON].strip()
