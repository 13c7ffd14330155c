"""Where the commands of ``vrs dlq`` look, with what is there, and who acts."""

import getpass
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ops.connection import connected
from ops.failure import CommandError
from shared.database import Database
from shared.dead_letters.audit import Operator
from shared.dead_letters.notes import Note, read_notes
from shared.dead_letters.queues import BrokerAwayError
from shared.dead_letters.view import View, look
from shared.settings import Settings, load


def amqp_url() -> str:
    """The broker of ``VRS_AMQP_URL``."""
    return load(Settings).amqp_url.get_secret_value()


@asynccontextmanager
async def perhaps_connected(notices: list[str]) -> AsyncIterator[Database | None]:
    """Give the database, or None with a notice if it does not answer: the queues alone say much."""
    opening = connected()
    try:
        database = await opening.__aenter__()
    except CommandError as error:
        notices.append(f"{error}; this is what the queues alone say.")
        yield None
        return
    try:
        yield database
    except BaseException as error:
        if not await opening.__aexit__(type(error), error, error.__traceback__):
            raise
    else:
        await opening.__aexit__(None, None, None)


async def view_of(database: Database | None) -> View:
    """Look at the waiting room and the queues.

    Raises:
        CommandError: neither answers.

    """
    try:
        return await look(database, amqp_url())
    except BrokerAwayError as error:
        raise CommandError(f"{error}: is RabbitMQ running?") from error


async def look_with_notes() -> tuple[View, dict[str, Note], list[str]]:
    """Everything dead, the notes, and what people must know beside; without PostgreSQL what the queues say."""
    notices: list[str] = []
    async with perhaps_connected(notices) as database:
        view = await view_of(database)
        if database is None:
            return view, {}, notices
        async with database.autocommit.begin() as connection:
            return view, await read_notes(connection), notices


@asynccontextmanager
async def at_the_desk() -> AsyncIterator[Database]:
    """Give the database to an action; a broker that goes away ends it in a sentence."""
    async with connected() as database:
        try:
            yield database
        except BrokerAwayError as error:
            raise CommandError(f"{error}: what was not confirmed is where it was; do it again") from error


def operator(name: str | None, reason: str | None) -> Operator:
    """Who acts: as named, else this user on this machine."""
    return Operator(name=name or f"{getpass.getuser()}@{socket.gethostname()}", reason=reason)
