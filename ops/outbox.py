"""The marketplace's outbox: what it says is committed there first, and published at once if the broker takes it."""

from typing import cast

import aiormq
from aiormq.channel import Channel
from sqlalchemy import delete, func, update

from contracts import Event
from ops.failure import CommandError
from shared.database import Database
from shared.messaging.broker import CONNECTION_ERRORS
from shared.messaging.publish import Said, publish
from shared.messaging.topology import consumer_queue, dead_queue, declare
from shared.messaging.trouble import reason_of
from shared.models import Outbox
from shared.outbox import Message


async def publish_now(database: Database, amqp_url: str, contract: type[Event], message: Message, *, done: str) -> None:
    """Publish a row that was committed with the lease `OURS`, and remove it.

    Raises:
        CommandError: the broker is away or no queue takes it; the marketplace service sends it. `done` begins the
            sentence with what holds all the same.

    """
    try:
        taken = await _say(amqp_url, contract, message) is Said.TAKEN
        problem = "no queue takes it"
    except CONNECTION_ERRORS as error:
        taken, problem = False, reason_of(error)
    async with database.engine.begin() as connection:
        if taken:
            await connection.execute(delete(Outbox).where(Outbox.id == message.id))
            return
        await connection.execute(update(Outbox).where(Outbox.id == message.id).values(lease_until=func.now()))
    raise CommandError(
        f"{done} safe in the outbox, but not published yet ({problem}): "
        "`vrs run marketplace` sends it as soon as the broker takes it"
    )


async def _say(amqp_url: str, contract: type[Event], message: Message) -> Said:
    queues = [
        queue
        for listener in contract.required_by
        for queue in (consumer_queue(listener, contract), dead_queue(listener))
    ]
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel(on_return_raises=False)
        await declare(channel, queues)
        [answer] = await publish(cast("Channel", channel), [message])
        return answer
