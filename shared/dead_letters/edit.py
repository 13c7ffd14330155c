"""The edited copy of a dead letter: other data, checked against the contract, in the original's place.

The copy is a new event of the same story, caused by the original. Its header ``vrs-supersedes`` has the kernel close
the original in the commit in which the copy begins, or refuse the copy if the original is settled.
"""

import difflib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from contracts import CloudEvent, DeskActionKind, Event, uuid7
from contracts.problems import field_problems
from shared.database import Database
from shared.dead_letters import audit
from shared.dead_letters.archive import keep
from shared.dead_letters.audit import Beside, Operator, nothing
from shared.dead_letters.explain import contract_of
from shared.dead_letters.letter import envelope, uuid_of
from shared.dead_letters.queues import BrokerAwayError, holding
from shared.dead_letters.room import read_bodies, read_room
from shared.dead_letters.send import Sender
from shared.dead_letters.view import Agreement, DeadLetter, joined
from shared.messaging.supersede import SUPERSEDES
from shared.messaging.topology import TO_EXCHANGE
from shared.models import LetterOutcome
from shared.outbox import Message


class EditError(Exception):
    """The letter cannot be edited so. Each line names the field, the value and what to do."""


@dataclass(frozen=True, slots=True)
class Edited:
    """A copy that is ready to be sent, and how it differs."""

    original: DeadLetter
    copy: CloudEvent[Event]
    changes: str


def data_of(body: bytes) -> dict[str, Any]:
    """The event's data as it stands in the bytes; empty where it is not legible."""
    data = envelope(body).get("data")
    return data if isinstance(data, dict) else {}


def with_values(data: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """A copy of `data` with values set by dotted paths (``server.region``, ``plugins.0.version``).

    A value is JSON where it reads as JSON, else text; ``null`` takes a field out.

    Raises:
        EditError: a path leads nowhere.

    """
    changed: dict[str, Any] = json.loads(json.dumps(data))
    for path, value in values.items():
        *way, last = path.removeprefix("data.").split(".")
        place: Any = changed
        for name in way:
            place = _into(place, name, path)
        parsed: Any = value
        with suppress(ValueError):
            parsed = json.loads(value)
        if isinstance(place, list):
            place[_index(place, last, path)] = parsed
        elif not isinstance(place, dict):
            raise EditError(f"--set {path}: {'.'.join(way)} is no object that could have {last!r}")
        elif parsed is None:
            place.pop(last, None)
        else:
            place[last] = parsed
    return changed


def edited(letter: DeadLetter, body: bytes, data: Mapping[str, Any]) -> Edited:
    """Check `data` against the contract of the letter's event and make the copy.

    Raises:
        EditError: a line for each field that is wrong; or the letter cannot be edited at all.

    """
    contract = contract_of(letter.consumer)
    if contract is None:
        raise EditError(f"{letter.consumer} hears no event of ours: there is no contract to edit by")
    if letter.project_id is None:
        raise EditError("the message names no project: discard it, and have the event published anew")
    before = data_of(body)
    if before == data:
        raise EditError("nothing is changed: to send it as it is, `vrs dlq replay` it")
    try:
        checked = contract.model_validate_json(json.dumps(data))
    except ValidationError as error:
        raise EditError("\n".join(f"data.{problem}" for problem in field_problems(error))) from error
    after = json.loads(checked.model_dump_json(exclude_none=True))
    if unknown := sorted(_paths(data) - _paths(before) - _paths(after)):
        raise EditError("\n".join(f"data.{path}: {contract.type} has no such field" for path in unknown))
    raw = envelope(body)
    copy = CloudEvent.of(
        checked,
        source="desk",
        project_id=letter.project_id,
        correlation_id=uuid_of(raw.get("correlationid")) or uuid_of(raw.get("id")),
        causation_id=letter.event_id,
        traceparent=raw.get("traceparent") if isinstance(raw.get("traceparent"), str) else None,
    )
    return Edited(letter, copy, difference(before, after))


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """A unified diff of two data, as people read JSON."""
    lines = difflib.unified_diff(_lines(before), _lines(after), "original", "copy", lineterm="")
    return "\n".join(lines)


async def send_edited(
    database: Database, amqp_url: str, edit: Edited, operator: Operator, *, beside: Beside = nothing
) -> None:
    """Send the copy, then take the original out of its queue into the archive, with the lineage.

    Killed in between, the original's letter is left over: its event is superseded, a replay only takes it away.

    Raises:
        EditError: the original is not dead any more, or no queue takes the copy.
        BrokerAwayError: see `holding`.

    """
    async with holding(amqp_url) as held:
        async with database.autocommit.begin() as connection:
            view = await joined(database, await read_room(connection), held)
        letter = next((each for each in view.letters if each.key == edit.original.key), None)
        if letter is None or not letter.waits or letter.agreement is Agreement.UNKNOWN:
            raise EditError("it is not dead any more, or another desk holds it: look again with `vrs dlq list`")
        async with database.engine.begin() as connection:
            detail = {"copy": str(edit.copy.id), "changes": edit.changes}
            action = await audit.begin(connection, DeskActionKind.EDIT, operator, detail)
            await beside(connection, [letter])
            events = await audit.about(connection, action, [letter], {letter.key: edit.copy.id})
            kept = await read_bodies(connection, [letter.key])
        sender = Sender(held.connection)
        if not await sender.send([_message(edit)]):
            raise EditError(f"no queue takes the copy: has {letter.service} ever run here?")
        async with database.engine.begin() as connection:
            await keep(connection, letter, action.id, kept, copy_id=edit.copy.id, changes=edit.changes)
            await audit.record_outcomes(connection, action, {letter.key: LetterOutcome.KEPT})
        await held.remove(letter.letters)
        action.confirmed += await sender.send(events)
        async with database.engine.begin() as connection:
            await audit.end(connection, action)


async def body_of(database: Database | None, amqp_url: str, letter: DeadLetter) -> bytes:
    """The exact bytes of a dead letter: the waiting room's, else the queue's; empty if nobody has them."""
    if database is not None:
        async with database.autocommit.begin() as connection:
            kept = await read_bodies(connection, [letter.key])
        if letter.key in kept:
            return kept[letter.key].body
    with suppress(BrokerAwayError):
        async with holding(amqp_url) as held:
            return next((each.body for each in held.letters if each.key == letter.key), b"")
    return b""


def _message(edit: Edited) -> Message:
    headers = {
        "event-id": str(edit.copy.id),
        "type": edit.copy.type,
        "correlation-id": str(edit.copy.correlation_id),
        SUPERSEDES: str(edit.original.event_id),
    }
    return Message(uuid7(), TO_EXCHANGE, edit.original.consumer, edit.copy.encode(), headers, required=True)


def _paths(data: Any, path: str = "") -> set[str]:
    """Where values stand, as ``customer.email``. A contract ignores what it does not know; an operator means it."""
    if isinstance(data, Mapping):
        return {each for name, value in data.items() for each in _paths(value, f"{path}.{name}" if path else name)}
    if isinstance(data, list):
        return {each for index, value in enumerate(data) for each in _paths(value, f"{path}.{index}")}
    return set() if data is None else {path}


def _lines(data: Mapping[str, Any]) -> list[str]:
    return json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True).splitlines()


def _into(place: Any, name: str, path: str) -> Any:
    if isinstance(place, list):
        return place[_index(place, name, path)]
    if not isinstance(place, dict):
        raise EditError(f"--set {path}: there is no {name!r} to go into")
    return place.setdefault(name, {})


def _index(place: list[Any], name: str, path: str) -> int:
    if not name.isdigit() or int(name) >= len(place):
        raise EditError(f"--set {path}: {name!r} is none of the places 0 to {len(place) - 1}")
    return int(name)
