"""Gauges that are read from the database when somebody asks for the metrics."""

import asyncio

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.messaging.topology import queue_name
from shared.messaging.trouble import DATABASE_ERRORS, reason_of
from shared.metrics import DATABASE_ANSWERS, OPEN_STEPS, OUTBOX, OUTBOX_AGE
from shared.models import StepState
from shared.service import Service

log = structlog.get_logger(__name__)

WITHIN = 3.0
"""Seconds: whoever scrapes must get the counters even when the database is away."""

_OUTBOX = text("""
    SELECT count(*) AS messages, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS age
    FROM outbox WHERE owner = :service
""")
_OPEN_STEPS = text("""
    SELECT consumer, state::text, count(*) FROM open_steps
    WHERE consumer = ANY(CAST(:consumers AS text[])) GROUP BY 1, 2
""")


async def measure(database: Database, service: Service) -> None:
    """Set the kernel's gauges and those of the service. While the database does not answer they keep their values."""
    try:
        async with asyncio.timeout(WITHIN), database.autocommit.begin() as connection:
            await _of_kernel(connection, service)
            for each in service.measures:
                await each(connection)
    except DATABASE_ERRORS as error:
        DATABASE_ANSWERS.set(0)
        log.warning("gauges keep their values", error=reason_of(error))
    else:
        DATABASE_ANSWERS.set(1)


async def _of_kernel(connection: AsyncConnection, service: Service) -> None:
    outbox = (await connection.execute(_OUTBOX, {"service": service.name})).one()
    OUTBOX.labels(service.name).set(outbox.messages)
    OUTBOX_AGE.labels(service.name).set(outbox.age)
    consumers = [queue_name(service.name, consumer.event) for consumer in service.consumers]
    counts = {(consumer, state.value): 0 for consumer in consumers for state in StepState}
    for consumer, state, count in await connection.execute(_OPEN_STEPS, {"consumers": consumers}):
        counts[consumer, state] = count
    for (consumer, state), count in counts.items():
        OPEN_STEPS.labels(consumer, state).set(count)
