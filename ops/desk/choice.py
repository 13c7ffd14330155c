"""Whom the commands of ``vrs dlq`` mean: by name, by group, or by the options of a filter."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from contracts import EVENTS, ServiceName
from ops.failure import CommandError
from shared.dead_letters.selection import Filter, group_id
from shared.dead_letters.view import DeadLetter, find

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


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
