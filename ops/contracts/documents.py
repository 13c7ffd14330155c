"""Every generated document, where it stands in the checkout, and whether what stands there is current."""

import json
from pathlib import Path
from typing import Any

from contracts import EVENTS
from contracts.story import EXAMPLES
from ops.contracts.asyncapi import document
from ops.contracts.picture import draw
from ops.contracts.schemas import schema_of
from ops.failure import CommandError
from shared.service import Service

ASYNCAPI = "contracts/asyncapi.json"
SCHEMAS = "contracts/schemas"
EXAMPLE_FILES = "contracts/examples"
CHANGELOG = "contracts/CHANGELOG.md"
PICTURE = "docs/choreography.svg"
GENERATED = (SCHEMAS, EXAMPLE_FILES)
"""Folders in which nothing else stands."""


def generate(services: tuple[Service, ...]) -> dict[str, str]:
    """Every document by its path in the checkout.

    Raises:
        CommandError: an event lacks its example or its line in the changelog.

    """
    for event in EVENTS.values():
        if event.type not in EXAMPLES:
            raise CommandError(f"{event.__name__} has no example; let it happen in contracts/story.py")
        if not getattr(event, "changes", ()):
            raise CommandError(f"{event.__name__}.changes is missing: say in which version it came")
    return {
        **{f"{SCHEMAS}/{event.routing_key()}.json": as_json(schema_of(event)) for event in EVENTS.values()},
        **{
            f"{EXAMPLE_FILES}/{event.routing_key()}.json": as_json(
                EXAMPLES[event.type].model_dump(mode="json", exclude_none=True)
            )
            for event in EVENTS.values()
        },
        ASYNCAPI: as_json(document(services)),
        CHANGELOG: _changelog(),
        PICTURE: draw(services),
    }


def as_json(value: Any) -> str:
    """As documents are written: indented, for people and for diffs."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def write(documents: dict[str, str], root: Path) -> list[str]:
    """Write what differs below `root` and remove what is no longer generated; return the paths."""
    stale = differing(documents, root)
    for path in stale:
        file = root / path
        if path in documents:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(documents[path], encoding="utf-8")
        else:
            file.unlink()
    return stale


def differing(documents: dict[str, str], root: Path) -> list[str]:
    """The paths below `root` that are missing, superfluous, or not what `documents` say."""
    there = {
        file.relative_to(root).as_posix()
        for folder in GENERATED
        for file in (root / folder).glob("*")
        if file.is_file()
    }
    wrong = [path for path, text in documents.items() if _read(root / path) != text]
    return sorted({*wrong, *(there - documents.keys())})


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _changelog() -> str:
    lines = [
        "# Changes of the events",
        "",
        "Generated from `changes` of each event. Changes inside a version are additive.",
    ]
    for event in EVENTS.values():
        lines += ["", f"## {event.__name__} `{event.type}`", "", *(f"- {change}" for change in reversed(event.changes))]
    return "\n".join(lines) + "\n"
