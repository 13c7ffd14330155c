"""Delivers what was collected for endpoints: tried again for three days, then given up, with whoever never answered."""

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from sqlalchemy import Row, text

from contracts import CloudEvent, ServiceName, WebhookDisabled
from services.marketplace.webhooks.secrets import Seal
from services.marketplace.webhooks.send import Answer, WebhookClient
from shared.database import Database
from shared.marketplace_outbox import put
from shared.messaging.looking import look_every
from shared.messaging.trouble import DATABASE_ERRORS, reason_of
from shared.metrics import WEBHOOK_TRIES, WEBHOOKS_OFF
from shared.seal import UnreadableSecretError
from shared.service import Background, Kernel

LOOK_EVERY = 0.5
"""Seconds."""

AT_ONCE = 32
OF_ONE_ENDPOINT = 8
"""Requests under way: a slow endpoint does not keep the others waiting."""

LEASE = timedelta(seconds=60)
"""Longer than a request takes: whoever was killed with one in hand has it sent again, with the same ``webhook-id``."""

PAUSES = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds after each try that failed: three days in all."""

LONGEST_ASKED = 86_400.0
"""Seconds that an endpoint may ask us to wait."""

LONGEST_LINE = 500

log = structlog.get_logger(__name__)

# Materialized: a locking subquery that a join evaluates again takes more each time, whatever its LIMIT.
_TAKE = text("""
    WITH taken AS MATERIALIZED (
        SELECT due.id FROM webhook_endpoints a CROSS JOIN LATERAL (
            SELECT id FROM webhook_deliveries
            WHERE endpoint_id = a.id AND state = 'pending' AND due_at <= statement_timestamp()
            ORDER BY due_at LIMIT :each FOR UPDATE SKIP LOCKED
        ) due
        WHERE a.disabled_at IS NULL AND a.id <> ALL(CAST(:busy AS uuid[])) LIMIT :most
    )
    UPDATE webhook_deliveries d SET due_at = clock_timestamp() + CAST(:lease AS interval)
    FROM webhook_endpoints e
    WHERE d.endpoint_id = e.id AND d.id = ANY (ARRAY(SELECT id FROM taken))
    RETURNING d.id, d.endpoint_id, d.event_id, d.body, d.created_at, jsonb_array_length(d.tries) AS tried, e.url,
              ARRAY(SELECT kept FROM unnest(ARRAY[e.secret,
                    CASE WHEN e.previous_until > clock_timestamp() THEN e.previous_secret END]) kept
                    WHERE kept IS NOT NULL) AS secrets
""")
_ENDED = text("""
    UPDATE webhook_deliveries
    SET state = CAST(:state AS delivery_state), tries = tries || CAST(:try AS jsonb),
        due_at = clock_timestamp() + CAST(:pause AS interval),
        ended_at = CASE WHEN :state = 'pending' THEN NULL ELSE clock_timestamp() END
    WHERE id = :id AND state = 'pending'
""")
_HEARD = text("UPDATE webhook_endpoints SET last_delivered_at = clock_timestamp() WHERE id = :id")
_SWITCH_OFF = text("""
    UPDATE webhook_endpoints SET disabled_at = clock_timestamp(), disabled_reason = :reason
    WHERE id = :id AND disabled_at IS NULL AND (:at_once OR last_delivered_at IS NULL OR last_delivered_at < :since)
    RETURNING id, url, description, created_by
""")


def delivering(database: Database, seal: Seal, client: WebhookClient) -> Background:
    """Deliver for as long as the service runs; a database that is away is waited for."""

    async def run(kernel: Kernel) -> None:  # noqa: ARG001 - background work has one signature
        async with asyncio.TaskGroup() as tasks:
            courier = Courier(database, seal, client)
            await look_every(LOOK_EVERY, lambda: courier.look(tasks), otherwise="webhooks wait for the database")

    return run


class Courier:
    """Takes deliveries that are due and carries them out."""

    def __init__(self, database: Database, seal: Seal, client: WebhookClient) -> None:
        self._database = database
        self._seal = seal
        self._client = client
        self._under_way: dict[int, UUID] = {}

    async def look(self, tasks: asyncio.TaskGroup) -> None:
        """Begin what is due and has room."""
        carried = list(self._under_way.values())
        room = AT_ONCE - len(carried)
        if room <= 0:
            return
        busy = [endpoint for endpoint in set(carried) if carried.count(endpoint) >= OF_ONE_ENDPOINT]
        parameters = {"lease": LEASE, "each": OF_ONE_ENDPOINT, "busy": busy, "most": room}
        async with self._database.engine.begin() as connection:
            taken = (await connection.execute(_TAKE, parameters)).all()
        for delivery in taken:
            self._under_way[delivery.id] = delivery.endpoint_id
            tasks.create_task(self._carry(delivery))

    async def _carry(self, delivery: Row[Any]) -> None:
        try:
            now = datetime.now(UTC)
            await self._settle(delivery, now, await self._answer(delivery, now))
        except DATABASE_ERRORS as error:  # the lease ends, and it is sent again
            log.warning("a webhook's answer could not be written down", error=reason_of(error))
        finally:
            del self._under_way[delivery.id]

    async def _answer(self, delivery: Row[Any], now: datetime) -> Answer:
        try:
            headers = self._seal.headers(delivery.secrets, delivery.event_id, now, bytes(delivery.body))
            return await self._client.post(delivery.url, headers, bytes(delivery.body))
        except UnreadableSecretError:
            return Answer(None, "its secret is encrypted with another VRS_WEBHOOK_KEY", 0)
        except Exception as error:
            log.exception("a webhook could not be sent, the others are", webhook=str(delivery.endpoint_id))
            return Answer(None, f"could not be sent: {type(error).__name__}", 0)

    async def _settle(self, delivery: Row[Any], at: datetime, answer: Answer) -> None:
        pause = None if answer.problem is None else _pause(delivery.tried, answer)
        state = "delivered" if answer.problem is None else "failed" if pause is None else "pending"
        entry = {"at": at.isoformat(), "status": answer.status, "problem": answer.problem, "ms": answer.ms}
        WEBHOOK_TRIES.labels("delivered" if answer.problem is None else "failed").inc()
        ended = {"id": delivery.id, "state": state, "try": json.dumps(entry), "pause": pause or timedelta()}
        async with self._database.engine.begin() as connection:
            await connection.execute(_ENDED, ended)
            if state == "delivered":
                await connection.execute(_HEARD, {"id": delivery.endpoint_id})
            elif state == "failed":
                reason = f"nothing was delivered for three days; at last: {answer.problem}"
                if answer.gone:
                    reason = "the endpoint answered 410: it is gone"
                off = {"id": delivery.endpoint_id, "reason": reason, "at_once": answer.gone}
                switched = await connection.execute(_SWITCH_OFF, off | {"since": delivery.created_at})
                if (endpoint := switched.one_or_none()) is not None:
                    await put(connection, [_disabled(endpoint, reason)])
                    WEBHOOKS_OFF.inc()
                    log.error("a webhook was switched off", webhook=str(delivery.endpoint_id), reason=reason)


def _disabled(endpoint: Row[Any], reason: str) -> CloudEvent[WebhookDisabled]:
    data = WebhookDisabled(
        endpoint=endpoint.id,
        host=_line(urlsplit(endpoint.url).hostname or "unknown"),
        description=_line(endpoint.description) or None,
        created_by=_line(endpoint.created_by) or "unknown",
        reason=_line(reason),
    )
    return CloudEvent.of(data, source=ServiceName.MARKETPLACE.value, project_id=UUID(int=0))


def _line(words: str) -> str:
    """As the contract takes it: what people and servers have written may have several lines."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())[:LONGEST_LINE]


def _pause(tried: int, answer: Answer) -> timedelta | None:
    """How long to wait after a try that failed, `tried` before it; None if there is no other."""
    if answer.gone or tried >= len(PAUSES):
        return None
    seconds = PAUSES[tried] * random.uniform(0.9, 1.1)  # noqa: S311 - spreads, protects nothing
    return timedelta(seconds=max(seconds, min(answer.retry_after or 0.0, LONGEST_ASKED)))
