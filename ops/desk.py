"""What the commands of ``vrs dlq`` have in common: where to look, whom they mean, who acts."""

import getpass
import os
import re
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from contracts import EVENTS, ServiceName
from ops.connection import connected
from ops.failure import CommandError
from shared.database import Database
from shared.dead_letters.audit import Operator
from shared.dead_letters.notes import Note, read_notes
from shared.dead_letters.queues import BrokerAwayError
from shared.dead_letters.selection import Filter, group_id
from shared.dead_letters.view import DeadLetter, View, find, look
from shared.settings import Settings, load

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


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


def named(letters: Sequence[DeadLetter], names: Sequence[str]) -> list[DeadLetter]:
    """The letters that answer to `names`.

    Raises:
        CommandError: a name nobody answers to.

    """
    found: dict[tuple[str, object], DeadLetter] = {}
    for name in names:
        answering = find(letters, name)
        if not answering:
            raise CommandError(f"No dead letter answers to {name!r}; `vrs dlq list` shows them")
        found |= {letter.key: letter for letter in answering}
    return list(found.values())


def the_one(letters: Sequence[DeadLetter], name: str) -> DeadLetter:
    """The only letter that answers to `name`.

    Raises:
        CommandError: none does, or several do.

    """
    answering = named(letters, [name])
    if len(answering) > 1:
        names = ", ".join(f"{letter.service}:{letter.short}" for letter in answering[:10])
        raise CommandError(f"{len(answering)} dead letters answer to {name!r}; name one: {names}", exit_code=2)
    return answering[0]


def of_group(letters: Sequence[DeadLetter], group: str) -> list[DeadLetter]:
    """The letters of a group.

    Raises:
        CommandError: there is none.

    """
    found = [letter for letter in letters if group_id(letter) == group]
    if not found:
        raise CommandError(f"There is no group {group!r}; `vrs dlq groups` shows them")
    return found


def picked(
    letters: Sequence[DeadLetter], names: Sequence[str], group: str | None, *, everything: bool
) -> list[DeadLetter]:
    """What is meant by IDs, by --group, or by --all: exactly one of them.

    Raises:
        CommandError: nothing or too much is named, or nothing answers.

    """
    if sum((bool(names), group is not None, everything)) != 1:
        raise CommandError("Name dead letters, or give --group, or give --all; `vrs dlq list` shows them", exit_code=2)
    if names:
        return named(letters, names)
    return of_group(letters, group) if group is not None else list(letters)


def wanted(
    service: str | None, event: str | None, reason: str | None, project: str | None, since: str | None
) -> Filter:
    """The filter of the options.

    Raises:
        CommandError: there is no such service or event, or `since` is no time.

    """
    _known("--service", service, ServiceName)
    _known("--event", event, sorted(contract.hyphenated() for contract in EVENTS.values()))
    return Filter(service=service, event=event, reason=reason, project=project, since=since_of(since))


def _known(option: str, word: str | None, words: Iterable[str]) -> None:
    if word is not None and word not in (known := list(words)):
        raise CommandError(f"{option}: there is no {word!r}; there are {', '.join(known)}", exit_code=2)


def since_of(words: str | None) -> datetime | None:
    """A moment, as ``2h``, ``30m``, ``3d`` ago, or in ISO 8601 (UTC unless it says otherwise).

    Raises:
        CommandError: it is none of them.

    """
    if words is None:
        return None
    if ago := re.fullmatch(r"(\d+)([smhd])", words):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(words)
    except ValueError as error:
        raise CommandError(
            f"--since: {words!r} is no time; give 30m, 2h, 3d or 2026-01-31T14:00", exit_code=2
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def editor() -> str:
    """The program of ``$VISUAL`` or ``$EDITOR``.

    Raises:
        CommandError: neither is set.

    """
    program = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not program:
        raise CommandError("Set $EDITOR, or give --set path=value or --file", exit_code=2)
    return program
