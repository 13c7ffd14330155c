"""Publishing a group of messages in one socket write.

`aiormq`'s public `basic_publish` writes and waits once per message; gathered over a group it costs twice the CPU of
the whole protocol. So a group's frames are marshalled into one write, with the channel's own book-keeping
(`delivery_tag`, `confirmations`, `message_id_delivery_tag`: stable from aiormq 5.0 to 7.2.4, the version is pinned).
"""

import asyncio
from collections.abc import Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from aiormq.abc import ChannelFrame, DeliveredMessage
from aiormq.channel import Channel
from aiormq.exceptions import DeliveryError
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from contracts import CONTENT_TYPE
from shared.crash_points import CrashPoint, reached
from shared.outbox import Message

CONFIRM_TIMEOUT = 15.0
"""Seconds. Below the outbox lease: a row is never said again while it may still be in flight."""

PERSISTENT = 2


class Said(Enum):
    """What the broker said to a message."""

    TAKEN = auto()
    RETURNED = auto()  # acked, but no queue took it
    REFUSED = auto()  # nacked: a queue is full


async def publish(channel: Channel, messages: Sequence[Message]) -> list[Said]:
    """Publish `messages`, persistent and mandatory, and wait for every confirm.

    Raises:
        TimeoutError: confirms are missing after `CONFIRM_TIMEOUT`. Close the channel before saying a row again.
        aiormq.exceptions.AMQPError, ConnectionError: channel or connection are gone; any message may have arrived.

    """
    if channel.is_closed:
        raise ConnectionError("the channel is closed")
    confirmations: list[asyncio.Future[Any]] = []
    frames: list[bytes] = []
    for message in messages:
        confirmation = channel.create_future()
        channel.delivery_tag += 1
        channel.confirmations[channel.delivery_tag] = confirmation
        # A returned message is matched by its id: unregistered, it would count as taken.
        channel.message_id_delivery_tag[str(message.id)] = channel.delivery_tag
        confirmations.append(confirmation)
        frames.append(_frames(channel, message))
    try:
        async with asyncio.timeout(CONFIRM_TIMEOUT):
            await channel.write_queue.put(ChannelFrame(payload=b"".join(frames), should_close=False))
            reached(CrashPoint.PUBLISHED, messages)
            answers = await asyncio.gather(*confirmations, return_exceptions=True)
    finally:
        for message in messages:
            channel.message_id_delivery_tag.pop(str(message.id), None)
    return [_meaning(answer) for answer in answers]


def _frames(channel: Channel, message: Message) -> bytes:
    properties = spec.Basic.Properties(
        content_type=CONTENT_TYPE,
        delivery_mode=PERSISTENT,
        message_id=str(message.id),
        correlation_id=_text(message.headers.get("correlation-id")),
        message_type=_text(message.headers.get("type")),
        headers=message.headers,
    )
    size = channel.max_content_size
    return b"".join(
        (
            _method(message.exchange, message.routing_key, channel.number),
            marshal(ContentHeader(properties=properties, body_size=len(message.body)), channel.number),
            *(
                marshal(ContentBody(message.body[start : start + size]), channel.number)
                for start in range(0, len(message.body), size)
            ),
        )
    )


@lru_cache(maxsize=256)
def _method(exchange: str, routing_key: str, channel_number: int) -> bytes:
    """The frame that comes first: the same for every message of a kind."""
    return marshal(spec.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True), channel_number)


def _text(header: Any) -> str | None:
    return header if isinstance(header, str) else None


def _meaning(answer: Any) -> Said:
    match answer:
        case spec.Basic.Ack():
            return Said.TAKEN
        case DeliveredMessage():
            return Said.RETURNED
        case DeliveryError():
            return Said.REFUSED
        case asyncio.CancelledError():  # aiormq's word for a channel that closed under us: nobody cancelled us
            raise ConnectionError("the channel closed before it confirmed")
        case BaseException():
            raise answer
    raise TypeError(f"unexpected confirmation {answer!r}")
