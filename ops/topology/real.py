"""What AMQP alone tells of a queue: whether it is there, its counts, and each argument that is not as expected.

A queue that is there is declared again with the expected arguments: RabbitMQ refuses and names one that differs, with
its value. Declaring with that value names the next, until it agrees. Bindings cannot be asked for in AMQP.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity, ChannelPreconditionFailed
from pamqp import commands as spec

from ops.failure import CommandError
from shared.messaging.broker import CONNECTION_ERRORS
from shared.messaging.topology import Queue
from shared.messaging.trouble import reason_of

LOCK = "vrs.topology"
"""An exclusive queue: it lives as long as the connection of whoever looks or migrates, and there is only one."""

LOCK_SECONDS = 10.0
MOST_ARGUMENTS = 32

_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<name>[^']+)' .* but current is (?:none|(?:the value )?'(?P<value>.*?)')"
)
_FLAGS = ("durable", "auto_delete")


@dataclass(slots=True)
class Real:
    """A queue as it is. `unclear` is RabbitMQ's own sentence where it could not be read."""

    ready: int
    consumers: int
    arguments: dict[str, Any]
    durable: bool = True
    auto_delete: bool = False
    unclear: str | None = None
    differences: list[str] = field(default_factory=list)


@asynccontextmanager
async def only_one(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    """Connect, as the only one who looks at the topology or changes it.

    Raises:
        CommandError: the broker does not answer, or somebody else is at it.

    """
    try:
        connection = await aiormq.connect(amqp_url)
    except CONNECTION_ERRORS as error:
        raise CommandError(f"The broker of VRS_AMQP_URL does not answer: {reason_of(error)}") from error
    try:
        await _lock(connection)
        yield connection
    except CONNECTION_ERRORS as error:
        raise CommandError(f"The broker ended the conversation: {reason_of(error)}; say it again") from error
    finally:
        await connection.close()


@asynccontextmanager
async def channel_of(connection: AbstractConnection) -> AsyncIterator[AbstractChannel]:
    """Give a channel for one question: a refusal closes it."""
    try:
        channel = await connection.channel()
    except RuntimeError as error:  # what aiormq raises on a connection that was closed
        raise ConnectionError(str(error)) from error
    try:
        yield channel
    finally:
        if not channel.is_closed:
            await channel.close()


def vhost_of(connection: AbstractConnection) -> str:
    """The virtual host that the connection is in."""
    return unquote(connection.url.path[1:]) or "/"


async def counts(connection: AbstractConnection, name: str) -> spec.Queue.DeclareOk | None:
    """Ask for ready messages and consumers; None if there is no such queue."""
    async with channel_of(connection) as channel:
        try:
            return await channel.queue_declare(name, passive=True)
        except ChannelNotFoundEntity:
            return None


async def look(connection: AbstractConnection, queue: Queue) -> Real | None:
    """Look at a queue by its expected self; None if it is not there."""
    counted = await counts(connection, queue.name)
    if counted is None:
        return None
    real = Real(counted.message_count or 0, counted.consumer_count or 0, dict(queue.arguments))
    expected = dict(queue.arguments)
    for _ in range(MOST_ARGUMENTS):
        refusal = await _refusal(connection, queue.name, real)
        if refusal is None:
            return real
        told = _INEQUIVALENT.search(refusal)
        if told is None or not _apply(real, told["name"], told["value"], expected):
            break
    real.unclear = refusal
    real.differences.append(str(refusal))
    return real


async def _lock(connection: AbstractConnection) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        async with channel_of(connection) as channel:
            try:
                await channel.queue_declare(LOCK, exclusive=True)
            except ChannelLockedResource as error:
                if time.monotonic() > deadline:
                    raise CommandError(
                        "Somebody else looks at the topology or migrates it now: wait for them"
                    ) from error
            else:
                return
        await asyncio.sleep(0.2)


async def _refusal(connection: AbstractConnection, name: str, real: Real) -> str | None:
    async with channel_of(connection) as channel:
        try:
            await channel.queue_declare(
                name, durable=real.durable, auto_delete=real.auto_delete, arguments=dict(real.arguments)
            )
        except (ChannelPreconditionFailed, ChannelLockedResource) as error:
            return str(error)
    return None


def _apply(real: Real, name: str, value: str | None, expected: Mapping[str, Any]) -> bool:
    """Note what RabbitMQ said of one argument; false if it says the same again."""
    if name in _FLAGS:
        found: Any = value == "true"
        if getattr(real, name) == found:
            return False
        setattr(real, name, found)
        real.differences.append(f"{name} is {value}, expected {str(not found).lower()}")
        return True
    found = None if value is None else int(value) if value.lstrip("-").isdigit() else value
    if real.arguments.get(name) == found:
        return False
    if found is None:
        del real.arguments[name]
    else:
        real.arguments[name] = found
    real.differences.append(f"{name} is {_shown(found)}, expected {_shown(expected.get(name))}")
    return True


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)
