"""Dead letters as JSON Lines: taken along to another environment, put there among the dead."""

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from contracts import DeskActionKind, ServiceName, uuid7
from contracts.problems import field_problems
from shared.database import Database
from shared.dead_letters import audit
from shared.dead_letters.audit import Operator
from shared.dead_letters.letter import Letter, read_letter
from shared.dead_letters.queues import holding
from shared.dead_letters.room import Kept
from shared.dead_letters.send import Sender, headers_of, to_the_dead
from shared.dead_letters.view import Agreement, DeadLetter, of_letters
from shared.models import LetterOutcome


class TransferError(Exception):
    """A line is no dead letter; each line of the message names its number, field and value."""


class Line(BaseModel):
    """One exported letter. A body that is no UTF-8 travels as base64; headers are JSON values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    consumer: Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z-]+$", max_length=200)]
    event_id: UUID
    project_id: UUID | None = None
    message_id: str | None = None
    reason: str = ""
    headers: dict[str, str | int | float | bool | None]
    encoding: Literal["utf-8", "base64"] = "utf-8"
    body: str


def exported(letter: DeadLetter, kept: Kept | None) -> str | None:
    """One line of JSON; None if nobody has the letter's bytes."""
    if letter.letters and letter.letters[0].body:
        body, headers, message_id = letter.letters[0].body, letter.letters[0].sendable, letter.letters[0].message_id
    elif kept is not None:
        body, headers, message_id = kept.body, dict(headers_of(letter, kept)), None
    else:
        return None
    text, encoding = _text(body)
    line = {
        "consumer": letter.consumer,
        "event_id": str(letter.event_id),
        "project_id": str(letter.project_id) if letter.project_id else None,
        "message_id": message_id,
        "reason": letter.reason,
        "headers": {name: value for name, value in headers.items() if isinstance(value, str | int | float | bool)},
        "encoding": encoding,
        "body": text,
    }
    return json.dumps(line, ensure_ascii=False)


def read_lines(lines: Iterable[str]) -> list[Letter]:
    """Read what was exported; empty lines are passed over.

    Raises:
        TransferError: a line for everything that is wrong; nothing was imported.

    """
    letters, problems = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            letters.append(_letter(Line.model_validate_json(line)))
        except ValidationError as error:
            problems += [f"line {number}: {problem}" for problem in field_problems(error)]
        except (ValueError, binascii.Error) as error:
            problems.append(f"line {number}: {error}")
    if problems:
        raise TransferError("\n".join(problems))
    return letters


async def import_letters(
    database: Database, amqp_url: str, letters: Sequence[Letter], operator: Operator
) -> Sequence[Letter]:
    """Put letters among the dead of this environment; return those that were not there already.

    Raises:
        BrokerAwayError: some may have arrived; importing them again puts none there twice.

    """
    async with holding(amqp_url, bodies=False) as held:
        lying = {(letter.consumer, letter.event_id, letter.death) for letter in held.letters}
        by_name = {(letter.consumer, letter.event_id, letter.death): letter for letter in letters}
        new = [letter for name, letter in by_name.items() if name not in lying]
        if not new:
            return []
        dead = [of_letters((letter,), Agreement.UNCLAIMED) for letter in new]
        async with database.engine.begin() as connection:
            action = await audit.begin(connection, DeskActionKind.IMPORT, operator, {"letters": len(new)})
            events = await audit.about(connection, action, dead)
        sender = Sender(held.connection)
        await sender.send([to_the_dead(letter) for letter in new])
        action.confirmed += await sender.send(events)
        async with database.engine.begin() as connection:
            await audit.record_outcomes(connection, action, {letter.key: LetterOutcome.KEPT for letter in new})
            await audit.end(connection, action)
    return new


def _letter(line: Line) -> Letter:
    service = line.consumer.partition(".")[0]
    if service not in set(ServiceName):
        raise ValueError(f"consumer: {service!r} is no service; there are {', '.join(ServiceName)}")
    body = base64.b64decode(line.body, validate=True) if line.encoding == "base64" else line.body.encode()
    headers: dict[str, Any] = {"event-id": str(line.event_id), **line.headers, "vrs-consumer": line.consumer}
    if line.project_id:
        headers.setdefault("vrs-project", str(line.project_id))
    if line.reason:
        headers.setdefault("vrs-reason", line.reason[:500])
    return read_letter(
        queue=f"{service}.dead",
        tag=0,
        routing_key=line.consumer,
        message_id=line.message_id or str(uuid7()),
        headers=headers,
        body=body,
    )


def _text(body: bytes) -> tuple[str, str]:
    with suppress(UnicodeDecodeError):
        return body.decode(), "utf-8"
    return base64.b64encode(body).decode(), "base64"
