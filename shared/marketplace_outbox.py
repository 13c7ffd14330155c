"""What is committed in the marketplace's name by a command or over HTTP; its service publishes it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CloudEvent, ServiceName
from shared.messaging.settle import OUTBOX_LEASE
from shared.outbox import NOTIFY_SERVICES, Message, row_of, said
from shared.trace_context import current_traceparent

AT_ONCE = timedelta()
"""Lease of rows that the marketplace service is to publish."""

OURS = timedelta(seconds=OUTBOX_LEASE)
"""Lease of rows that are published by whoever puts them there."""


async def put(
    connection: AsyncConnection, events: Sequence[CloudEvent[Any]], *, lease: timedelta = AT_ONCE
) -> list[Message]:
    """Put events into the outbox, in the caller's transaction; its commit wakes the marketplace service.

    An event that belongs to no trace yet goes on in the one around us, that of a request.
    """
    here = {"traceparent": current_traceparent()}
    messages = [said(event if event.traceparent else event.model_copy(update=here)) for event in events]
    for message in messages:
        await connection.execute(row_of(message, owner=ServiceName.MARKETPLACE, lease=lease))
    await connection.execute(NOTIFY_SERVICES)
    return messages
