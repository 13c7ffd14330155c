"""The recorded stream that a consumer is rehearsed with: one project's whole story, told as a bus may tell it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from contracts import CloudEvent, uuid7
from contracts.story import STORY

SOURCE = "/vrs/rehearsal"
"""By this `source` a consumer can tell a rehearsal from life; the projects are made up anew for each."""


class Outcome(StrEnum):
    """What a consumer may answer that it has done with a message."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REFUSED = "refused"


USUAL = frozenset({Outcome.HANDLED, Outcome.IGNORED})


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the stream. `event` and `type` are what its headers say; it may break the contract on purpose."""

    event: UUID
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """Messages that are sent together, what is tried with them, and which answers are right."""

    name: str
    what: str
    messages: tuple[Sent, ...]
    right: frozenset[Outcome]


def cases(types: Sequence[str] = ()) -> list[Case]:
    """The cases, in order, with the events of these types, or with all: no two streams share an id.

    Raises:
        ValueError: there is no event of these types.

    """
    story = [event for event in _retold() if not types or event.type in types]
    other = [event for event in _retold() if not types or event.type in types]
    if not story:
        raise ValueError(f"no event has a type of {', '.join(types)}")
    last = story[-1]
    late = last.model_copy(update={"id": uuid7(), "time": story[0].time - timedelta(days=1)})
    return [
        Case("in order", "a project's events as they happened", tuple(map(_sent, story)), USUAL),
        Case(
            "duplicates",
            "the same events once more: same id, same bytes",
            tuple(map(_sent, story)),
            frozenset({Outcome.DUPLICATE, Outcome.IGNORED}),
        ),
        Case("reordered", "another project's events, the last one first", tuple(map(_sent, reversed(other))), USUAL),
        Case("late", "a new event with a time before all others", (_sent(late),), USUAL),
        Case("unknown fields", "new fields in the envelope and in data", (_with_more(last),), USUAL),
        Case(
            "unknown version",
            "a v99 of an event, in another shape",
            (_of_version_99(last),),
            frozenset({Outcome.IGNORED}),
        ),
        Case(
            "unreadable",
            "half of an event",
            (Sent(uuid7(), last.type, last.encode()[: len(last.encode()) // 2]),),
            frozenset({Outcome.REFUSED, Outcome.IGNORED}),
        ),
        Case("afterwards", "one more event: the consumer still works", (_sent(_again(last)),), USUAL),
    ]


def _retold() -> list[CloudEvent[Any]]:
    """The recorded story with new ids, a second apart up to now."""
    ids: dict[UUID | None, UUID | None] = {None: None} | {event.id: uuid7() for event in STORY}
    project, began = uuid7(), datetime.now(UTC) - timedelta(seconds=len(STORY))
    return [
        event.model_copy(
            update={
                "id": ids[event.id],
                "subject": project,
                "source": SOURCE,
                "time": began + timedelta(seconds=number),
                "causationid": ids[event.causationid],
                "correlationid": ids[event.correlationid],
            }
        )
        for number, event in enumerate(STORY)
    ]


def _sent(event: CloudEvent[Any]) -> Sent:
    return Sent(event.id, event.type, event.encode())


def _again(event: CloudEvent[Any]) -> CloudEvent[Any]:
    return event.model_copy(update={"id": uuid7(), "subject": uuid7(), "causationid": None})


def _with_more(event: CloudEvent[Any]) -> Sent:
    message = json.loads(_again(event).encode())
    message["partitionkey"] = "rehearsal"
    message["data"]["added_later"] = {"in": ["a", "minor", "version"]}
    return Sent(UUID(message["id"]), event.type, json.dumps(message).encode())


def _of_version_99(event: CloudEvent[Any]) -> Sent:
    message = json.loads(_again(event).encode())
    message["type"] = event.type.rpartition(".v")[0] + ".v99"
    message["data"] = {"shape": "of another kind"}
    return Sent(UUID(message["id"]), message["type"], json.dumps(message).encode())
