"""After a restore with an empty broker: say again what was said, and not taken up by whom it was for.

The waiting room and the outbox go on by themselves, their services see to that. What is lost with the broker lay in its
queues: said, confirmed, and claimed by nobody. The log keeps the bytes of every event that a step said, a table those
of what was said in the marketplace's name in the last 30 days.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import EVENTS, ProjectCancelled, ProjectOrdered, uuid7
from shared.messaging.topology import TO_EXCHANGE, queue_name
from shared.models.log import SETTLED
from shared.outbox import Message
from shared.service import Service

ROWS = 2000
"""Of the log at once."""

_BY_STEPS = text("""
    SELECT id AS place, emitted AS said FROM provisioning_log WHERE emitted IS NOT NULL AND id > :after
    ORDER BY id LIMIT :most
""")
_BY_MARKETPLACE = text("""
    SELECT event_id AS place, body AS said FROM said_events WHERE event_id > :after ORDER BY event_id LIMIT :most
""")

# A cancelled project's events are void, but for who undoes it and who works despite that: no row ever tells of them.
_NOT_TAKEN_UP = text(f"""
    SELECT d.consumer, d.event_id
    FROM unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[]), CAST(:projects AS uuid[]),
                CAST(:despite AS boolean[])) AS d (consumer, event_id, project_id, despite)
    WHERE NOT EXISTS (SELECT FROM provisioning_log l
                      WHERE l.consumer = d.consumer AND l.event_id = d.event_id AND l.{SETTLED})
      AND NOT EXISTS (SELECT FROM open_steps s WHERE s.consumer = d.consumer AND s.event_id = d.event_id)
      AND NOT EXISTS (SELECT FROM outbox o WHERE o.headers ->> 'event-id' = CAST(d.event_id AS text))
      AND (d.despite OR NOT EXISTS (SELECT FROM cancellations c WHERE c.project_id = d.project_id))
""")  # noqa: S608 - a constant of ours

_UNHEARD = text("""
    SELECT p.vrs_id, p.slug FROM projects p
    WHERE p.provisioning_state = 'ordered'
      AND NOT EXISTS (SELECT FROM provisioning_log l WHERE l.project_id = p.vrs_id AND l.service <> 'notify')
      AND NOT EXISTS (SELECT FROM open_steps s WHERE s.project_id = p.vrs_id AND s.consumer NOT LIKE 'notify.%')
      AND NOT EXISTS (SELECT FROM outbox o WHERE position(convert_to(CAST(p.vrs_id AS text), 'UTF8') IN o.body) > 0)
    ORDER BY p.slug
""")

_NOT_UNDONE = text("""
    SELECT c.project_id FROM cancellations c
    WHERE NOT c.undone @> CAST(:services AS text[])
      AND NOT EXISTS (SELECT FROM open_steps s WHERE s.project_id = c.project_id)
      AND NOT EXISTS (SELECT FROM outbox o WHERE position(convert_to(CAST(c.project_id AS text), 'UTF8') IN o.body) > 0)
    ORDER BY c.at
""")


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done. `messages` are for one consumer each.

    `unheard`: slugs of orders that nobody has heard of, and whose bytes nobody keeps. `not_undone`: ids of cancelled
    projects whose undoing nobody goes on with, nor would with `messages`.
    """

    messages: list[Message] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)
    not_undone: list[UUID] = field(default_factory=list)

    def as_json(self, sent: int) -> dict[str, Any]:
        """Counts by consumer, and what a person must see to."""
        return {
            "due": dict(Counter(message.routing_key for message in self.messages)),
            "sent": sent,
            "unheard_orders": self.unheard,
            "cancellations_not_undone": list(map(str, self.not_undone)),
        }


@dataclass(frozen=True, slots=True)
class _Said:
    """An event as it was said."""

    kind: str
    project_id: UUID
    body: bytes

    def again(self, consumer: str, event_id: UUID) -> Message:
        """For this consumer alone."""
        headers = {"event-id": str(event_id), "type": self.kind}
        return Message(uuid7(), TO_EXCHANGE, consumer, self.body, headers, required=True)


async def due(connection: AsyncConnection, services: Sequence[Service]) -> Due:
    """Read what is due. Changes nothing."""
    hearers: dict[str, list[tuple[str, bool]]] = {}
    for service in services:
        for consumer in service.consumers:
            despite = consumer.event is ProjectCancelled or consumer.despite_cancellation
            hearers.setdefault(consumer.event.type, []).append((queue_name(service.name, consumer.event), despite))
    found, ordered, cancelled = Due(), set[UUID](), set[UUID]()
    async for events in _said(connection):
        wanted = [(id_, each, *hearer) for id_, each in events.items() for hearer in hearers.get(each.kind, ())]
        asked = {
            "event_ids": [id_ for id_, *_ in wanted],
            "projects": [each.project_id for _, each, *_ in wanted],
            "consumers": [queue for *_, queue, _ in wanted],
            "despite": [despite for *_, despite in wanted],
        }
        for row in await connection.execute(_NOT_TAKEN_UP, asked):
            said = events[row.event_id]
            found.messages.append(said.again(row.consumer, row.event_id))
            if said.kind == ProjectOrdered.type:
                ordered.add(said.project_id)
            elif said.kind == ProjectCancelled.type:
                cancelled.add(said.project_id)
    unheard = await connection.execute(_UNHEARD)
    found.unheard.extend(row.slug for row in unheard if row.vrs_id not in ordered)
    undo = {"services": [service.value for service in ProjectCancelled.undone_by]}
    not_undone = await connection.scalars(_NOT_UNDONE, undo)
    found.not_undone.extend(project_id for project_id in not_undone if project_id not in cancelled)
    return found


async def _said(connection: AsyncConnection) -> AsyncIterator[dict[UUID, _Said]]:
    for statement, after in ((_BY_STEPS, 0), (_BY_MARKETPLACE, UUID(int=0))):
        place: int | UUID = after
        while rows := (await connection.execute(statement, {"after": place, "most": ROWS})).all():
            yield dict(_events(bytes(row.said) for row in rows))
            place = rows[-1].place


def _events(emitted: Iterable[bytes]) -> Iterable[tuple[UUID, _Said]]:
    for body in (line for lines in emitted for line in lines.split(b"\n")):
        try:
            event = json.loads(body)
            if event["type"] in EVENTS:
                yield UUID(event["id"]), _Said(event["type"], UUID(event["subject"]), body)
        except ValueError:  # of a customer who is forgotten, perhaps nothing is left of it
            continue
