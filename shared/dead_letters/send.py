"""Sends on the desk's own channel: a letter to its consumer, a letter back to the dead, the desk's events."""

from collections.abc import Sequence
from contextlib import suppress
from typing import cast
from uuid import UUID

from aiormq.abc import AbstractConnection
from aiormq.channel import Channel
from aiormq.exceptions import ChannelAccessRefused

from contracts import EVENTS_EXCHANGE, ServiceName, uuid7
from shared.dead_letters.explain import contract_of
from shared.dead_letters.letter import Letter
from shared.dead_letters.room import Kept
from shared.dead_letters.view import DeadLetter
from shared.messaging.publish import Said, publish
from shared.messaging.supersede import SUPERSEDES
from shared.messaging.topology import (
    DEAD_EXCHANGE,
    TO_EXCHANGE,
    Queue,
    consumer_queue,
    dead_queue,
    declare,
)
from shared.outbox import Message


class Sender:
    """Publishes with confirms. What no queue takes is not sent, unless it is an event, which needs no audience."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._channel: Channel | None = None
        self._declared: set[str] = set()

    async def send(self, messages: Sequence[Message]) -> list[UUID]:
        """Send; return the ids of the messages that the broker has for good."""
        if not messages:
            return []
        if self._channel is None:
            self._channel = cast("Channel", await self._connection.channel(on_return_raises=False))
        await self._declare(messages)
        answers = await publish(self._channel, messages)
        return [
            message.id
            for message, answer in zip(messages, answers, strict=True)
            if answer is Said.TAKEN or (answer is Said.RETURNED and message.exchange == EVENTS_EXCHANGE)
        ]

    async def _declare(self, messages: Sequence[Message]) -> None:
        """The queues that must be there: a service that was never started here has none yet.

        A service's user may not declare those of others: what is missing then takes nothing.
        """
        wanted = {message.routing_key: message.exchange for message in messages if message.exchange != EVENTS_EXCHANGE}
        queues = [
            queue
            for consumer, exchange in wanted.items()
            if consumer not in self._declared and (queue := _queue(consumer, exchange))
        ]
        if self._declared and not queues:
            return
        self._declared |= wanted.keys()
        channel = await self._connection.channel()  # of its own: RabbitMQ closes the one on which it refuses something
        with suppress(ChannelAccessRefused):
            await declare(channel, queues)
            await channel.close()


def _queue(consumer: str, exchange: str) -> Queue | None:
    service, contract = consumer.partition(".")[0], contract_of(consumer)
    with suppress(ValueError):
        if exchange == DEAD_EXCHANGE:
            return dead_queue(ServiceName(service))
        return consumer_queue(ServiceName(service), contract) if contract else None
    return None


def to_consumer(letter: DeadLetter, kept: Kept | None) -> Message:
    """The replay of a letter; without one in the queue it is made from what the waiting room kept."""
    if letter.letters:
        first = letter.letters[0]
        return Message(uuid7(), TO_EXCHANGE, letter.consumer, first.body, first.sendable, required=True)
    if kept is None:
        raise LookupError(f"{letter.consumer} {letter.event_id}: neither a letter nor a row holds its bytes")
    return Message(uuid7(), TO_EXCHANGE, letter.consumer, kept.body, headers_of(letter, kept), required=True)


def headers_of(letter: DeadLetter, kept: Kept) -> dict[str, str | int]:
    """What a replay from the row must name: the step's number of deaths, and the original of an edited copy."""
    headers: dict[str, str | int] = {
        "event-id": str(letter.event_id),
        "vrs-death": kept.deaths,
        "vrs-consumer": letter.consumer,
    }
    if kept.supersedes:
        headers[SUPERSEDES] = str(kept.supersedes)
    return headers


def to_the_dead(letter: Letter) -> Message:
    """A letter as it goes back into its queue of dead letters."""
    return Message(_id_of(letter), DEAD_EXCHANGE, letter.consumer, letter.body, letter.sendable, required=True)


def _id_of(letter: Letter) -> UUID:
    with suppress(ValueError, TypeError):
        return UUID(letter.message_id or "")
    return uuid7()
