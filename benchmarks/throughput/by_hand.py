"""One step without the kernel, as the floor and every peer take it: one statement, one event read, one written."""

import json
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from benchmarks.throughput.work import Link
from contracts import EVENTS_EXCHANGE

STEP = """
    WITH logged AS (
        INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, causation_id,
                                      correlation_id, message, detail, emitted, started_at, duration_ms)
        SELECT project_id, $1, $2, $2, 'completed', 1, event_id, NULL, correlation_id, 'done', '{}', emitted,
               clock_timestamp(), 0
        FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::bytea[])
             AS d (event_id, project_id, correlation_id, emitted)
        ON CONFLICT (consumer, event_id) WHERE status IN ('completed', 'superseded', 'cancelled') DO NOTHING
        RETURNING event_id
    ), moved AS (
        UPDATE projects p SET provisioning_state = $7::provisioning_state
        FROM unnest($3::uuid[], $4::uuid[]) AS d (event_id, project_id) JOIN logged USING (event_id)
        WHERE p.vrs_id = d.project_id AND $7::provisioning_state IS NOT NULL
    ), removed AS (
        DELETE FROM outbox WHERE id = ANY($8::uuid[])
    ), said AS (
        INSERT INTO outbox (id, owner, exchange, routing_key, body, headers, required, lease_until)
        SELECT d.id, $1, $9, $10, d.emitted, '{}', true, clock_timestamp() + interval '30 s'
        FROM unnest($3::uuid[], $11::uuid[], $6::bytea[]) AS d (event_id, id, emitted) JOIN logged USING (event_id)
        WHERE $10::text IS NOT NULL
    )
    SELECT event_id FROM logged
"""
"""Log row (a second one of the same event is left out), project's state, outbox row, removal of confirmed ones."""

NAMED_STEP = re.sub(r"\$(\d+)(::)?", lambda found: f"CAST(:p{found[1]} AS " if found[2] else f":p{found[1]}", STEP)
NAMED_STEP = re.sub(r"(CAST\(:p\d+ AS )(\w+(?:\[\])?)", r"\1\2)", NAMED_STEP)
"""`STEP` as SQLAlchemy's ``text`` takes it."""


@dataclass(slots=True)
class Taken:
    """An event that came, and the one that follows it."""

    id: UUID
    project_id: UUID
    correlation_id: UUID
    outbox_id: UUID
    next_body: bytes


def take(body: bytes, link: Link) -> Taken:
    """Read an event and write the next, without types."""
    event = json.loads(body)
    following = {
        **event,
        "id": str(_uuid7()),
        "type": link.says and link.says.type,
        "causationid": event["id"],
        "data": {
            "fqdn": "bench.vrs.example",
            "records": [{"name": "bench.vrs.example", "type": "A", "content": "203.0.113.10"}],
            "server": {"id": "srv1", "name": "srv-1", "region": "fsn1", "ipv4": "203.0.113.10"},
        },
    }
    return Taken(
        UUID(event["id"]),
        UUID(event["subject"]),
        UUID(event["correlationid"]),
        _uuid7(),
        json.dumps(following, separators=(",", ":")).encode(),
    )


def values(link: Link, group: list[Taken], confirmed: list[UUID], *, outbox: bool = True) -> list[Any]:
    """What `STEP` takes, in its order. Without `outbox` no outbox row is written."""
    return [
        link.service.value,
        link.queue,
        [each.id for each in group],
        [each.project_id for each in group],
        [each.correlation_id for each in group],
        [each.next_body for each in group],
        link.state and link.state.value,
        confirmed,
        EVENTS_EXCHANGE,
        link.says.routing_key() if link.says and outbox else None,
        [each.outbox_id for each in group],
    ]


def named(positional: list[Any]) -> dict[str, Any]:
    """The values of `NAMED_STEP`."""
    return {f"p{number}": value for number, value in enumerate(positional, 1)}


def _uuid7() -> UUID:
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)
