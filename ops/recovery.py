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

from contracts import EVENTS, ProjectCancelled, uuid7
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

_NOT_TAKEN_UP = text(f"""
    SELECT d.consumer, d.event_id
    FROM unnest(CAST(:consumers AS text[]), CAST(:event_ids AS uuid[])) AS d (consumer, event_id)
    WHERE NOT EXISTS (SELECT FROM provisioning_log l
                      WHERE l.consumer = d.consumer AND l.event_id = d.event_id AND l.{SETTLED})
      AND NOT EXISTS (SELECT FROM open_steps s WHERE s.consumer = d.consumer AND s.event_id = d.event_id)
      AND NOT EXISTS (SELECT FROM outbox o WHERE o.headers ->> 'event-id' = CAST(d.event_id AS text))
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


async def due(connection: AsyncConnection, services: Sequence[Service]) -> Due:
    """Read what is due. Changes nothing."""
    consumers: dict[str, list[str]] = {}
    for service in services:
        for consumer in service.consumers:
            consumers.setdefault(consumer.event.type, []).append(queue_name(service.name, consumer.event))
    found, again = Due(), set[UUID]()
    async for events in _said(connection):
        wanted = [
            (consumer, event_id) for event_id, (kind, _) in events.items() for consumer in consumers.get(kind, ())
        ]
        rows = await connection.execute(
            _NOT_TAKEN_UP,
            {"consumers": [consumer for consumer, _ in wanted], "event_ids": [event_id for _, event_id in wanted]},
        )
        for row in rows:
            kind, body = events[row.event_id]
            found.messages.append(_message(row.consumer, row.event_id, kind, body))
            again.add(UUID(json.loads(body)["subject"]))
    unheard = await connection.execute(_UNHEARD)
    found.unheard.extend(row.slug for row in unheard if row.vrs_id not in again)
    undo = {"services": [service.value for service in ProjectCancelled.undone_by]}
    not_undone = await connection.scalars(_NOT_UNDONE, undo)
    found.not_undone.extend(project_id for project_id in not_undone if project_id not in again)
    return found


async def _said(connection: AsyncConnection) -> AsyncIterator[dict[UUID, tuple[str, bytes]]]:
    for statement, after in ((_BY_STEPS, 0), (_BY_MARKETPLACE, UUID(int=0))):
        place: int | UUID = after
        while rows := (await connection.execute(statement, {"after": place, "most": ROWS})).all():
            yield dict(_events(bytes(row.said) for row in rows))
            place = rows[-1].place


def _events(emitted: Iterable[bytes]) -> Iterable[tuple[UUID, tuple[str, bytes]]]:
    for body in (line for lines in emitted for line in lines.split(b"\n")):
        event = json.loads(body)
        if event["type"] in EVENTS:
            yield UUID(event["id"]), (event["type"], body)


def _message(consumer: str, event_id: UUID, kind: str, body: bytes) -> Message:
    return Message(uuid7(), TO_EXCHANGE, consumer, body, {"event-id": str(event_id), "type": kind}, required=True)
