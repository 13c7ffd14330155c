"""Messages that break their contract: written down as dead, with the reason, in the claim's own transaction.

An unreadable message gets an id derived from its bytes, so that a second delivery of it is a duplicate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from contracts import CloudEvent, ContractError, ProvisioningFailed, ServiceName
from shared.messaging.act import Lane
from shared.messaging.claim import settled_already
from shared.messaging.clean import clean
from shared.messaging.ending import dead_letter, failure
from shared.messaging.settle import LogRow, lock_projects, write_down
from shared.messaging.verdict import GENERAL_TEXT, Ending, Verdict
from shared.models import LogStatus
from shared.outbox import Message, said
from shared.transaction import Statement, Transaction

log = structlog.get_logger(__name__)

_BURY = Statement(f"""
    INSERT INTO open_steps AS s (consumer, event_id, project_id, body, state, attempt, token, due_at, reason, deaths)
    SELECT :consumer, d.event_id, d.project_id, d.body, 'dead', 1, nextval('step_tokens'), clock_timestamp(),
           d.reason, d.deaths + 1
    FROM unnest(CAST(:event_ids AS uuid[]), CAST(:project_ids AS uuid[]), CAST(:bodies AS bytea[]),
                CAST(:reasons AS text[]), CAST(:deaths AS int[])) AS d (event_id, project_id, body, reason, deaths)
    WHERE NOT {settled_already()}
    ON CONFLICT (consumer, event_id) DO UPDATE
        SET attempt = s.attempt + 1, token = EXCLUDED.token, reason = EXCLUDED.reason, deaths = EXCLUDED.deaths
        WHERE s.state = 'dead' AND s.deaths = EXCLUDED.deaths - 1
    RETURNING event_id, attempt, deaths
""")  # noqa: S608 - a constant of ours

# What was settled while the first statement waited for that very commit: its snapshot did not have it.
_UNBURY_SETTLED = Statement(f"""
    DELETE FROM open_steps d
    WHERE d.consumer = :consumer AND d.event_id = ANY(CAST(:event_ids AS uuid[])) AND {settled_already()}
    RETURNING d.event_id
""")  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that broke its contract; `deaths` is what its header named."""

    event_id: UUID
    project_id: UUID | None
    body: bytes
    deaths: int
    error: ContractError


async def refuse(
    transaction: Transaction, service: ServiceName, lane: Lane, refused: Sequence[Refused]
) -> list[Message]:
    """Bury the messages; return the dead letters and failures to be said. Duplicates leave nothing.

    The project's state stays: what can't be read proves nothing about it.
    """
    by_id = {each.event_id: each for each in refused}
    known = [each.project_id for each in by_id.values() if each.project_id]
    cancelled = await lock_projects(transaction, known) if known else set()
    buried = await transaction.rows(
        _BURY,
        consumer=lane.queue,
        event_ids=list(by_id),
        project_ids=[each.project_id for each in by_id.values()],
        bodies=[each.body for each in by_id.values()],
        reasons=[clean(str(each.error)) for each in by_id.values()],
        deaths=[each.deaths for each in by_id.values()],
    )
    logs: list[LogRow] = []
    messages: list[Message] = []
    ids = [row["event_id"] for row in buried]
    settled = await transaction.rows(_UNBURY_SETTLED, consumer=lane.queue, event_ids=ids) if ids else []
    gone = {row["event_id"] for row in settled}
    for row in buried:
        if row["event_id"] in gone:
            continue
        each = by_id[row["event_id"]]
        log.error(
            "message refused",
            consumer=lane.queue,
            causation=str(each.error.event_id),
            project=str(each.project_id),
            reason=clean(str(each.error)),
        )
        letter = _letter(lane, each, row["deaths"], row["attempt"])
        messages.append(letter)
        emitted = None
        if each.project_id and each.project_id not in cancelled and lane.consumer.fails_project:
            failed = said(_failed(service, lane, each, each.project_id, letter))
            emitted = failed.body
            messages.append(failed)
        logs.append(_log(service, lane, each, row["attempt"], emitted, letter))
    await write_down(transaction, service=service, logs=logs, moves=[], messages=messages, confirmed=[])
    return messages


def _letter(lane: Lane, refused: Refused, death: int, attempt: int) -> Message:
    return dead_letter(
        consumer=lane.queue,
        body=refused.body,
        death=death,
        headers={
            "event-id": str(refused.event_id),
            "vrs-project": str(refused.project_id or ""),
            "vrs-code": f"contract_{refused.error.refusal}",
            "vrs-reason": clean(str(refused.error)),
            "vrs-attempt": attempt,
        },
    )


def _failed(
    service: ServiceName, lane: Lane, refused: Refused, project_id: UUID, letter: Message
) -> CloudEvent[ProvisioningFailed]:
    verdict = Verdict(
        Ending.DEAD,
        clean(f"{lane.queue} cannot read an event: {refused.error}"),
        code=f"contract_{refused.error.refusal}",
        customer_text=lane.consumer.failed_text or GENERAL_TEXT,
    )
    return CloudEvent.of(
        failure(service, verdict, letter),
        source=service.value,
        project_id=project_id,
        causation_id=refused.error.event_id,
    )


def _log(
    service: ServiceName, lane: Lane, refused: Refused, attempt: int, emitted: bytes | None, letter: Message
) -> LogRow:
    return LogRow(
        project_id=refused.project_id,
        consumer=lane.queue,
        step=lane.queue.removeprefix(f"{service}."),
        status=LogStatus.DEAD,
        attempt=attempt,
        event_id=refused.error.event_id,
        causation_id=None,
        correlation_id=None,
        message=clean(str(refused.error)),
        detail={"code": f"contract_{refused.error.refusal}", "dead_letter_id": str(letter.id)},
        emitted=emitted,
        started_at=datetime.now(UTC),
        duration_ms=0,
    )
