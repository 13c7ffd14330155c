"""How a message differs from its contract, and how often. Of its content nothing is kept but names of fields."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from contracts import EVENTS, CloudEvent, ContractError, Event, decode
from contracts.cloud_event import Refusal

UNKNOWN = "unknown"
"""Stands for every type that is not ours, so that what strangers publish cannot multiply what is counted."""

MOST_KINDS = 500
"""So many different findings are told apart; what is more is counted under the path ``…``."""

_TYPES = {contract.routing_key(): contract.type for contract in EVENTS.values()}


class Problem(StrEnum):
    """In which way a message drifts. Only `UNKNOWN_FIELD` is harmless: readers ignore it."""

    UNREADABLE = "unreadable"
    UNKNOWN_TYPE = "unknown_type"
    WRONG_ROUTING_KEY = "wrong_routing_key"
    MISSING_FIELD = "missing_field"
    WRONG_VALUE = "wrong_value"
    UNKNOWN_FIELD = "unknown_field"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem of one event: its type, or ``unknown``; the path of the field, with ``*`` for any item of a list."""

    event: str
    problem: Problem
    path: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.event, self.problem, self.path) if part)


def type_of(routing_key: str) -> str:
    """The type of event that a routing key announces, or ``unknown``."""
    return _TYPES.get(routing_key, UNKNOWN)


def findings(body: bytes, routing_key: str) -> set[Finding]:
    """Everything in which a message differs from the contract that its ``type`` names."""
    found = set()
    try:
        message = json.loads(body)
        contract = EVENTS.get(message["type"])
    except (ValueError, RecursionError, TypeError, KeyError):
        return {Finding(type_of(routing_key), Problem.UNREADABLE)}
    if contract is None:
        return {Finding(UNKNOWN, Problem.UNKNOWN_TYPE, _readable(str(message["type"])))}
    if contract.routing_key() != routing_key:
        found.add(Finding(contract.type, Problem.WRONG_ROUTING_KEY, _readable(routing_key)))
    try:
        event = decode(body, contract)
    except ContractError as error:
        return found | _breaches(body, contract, error)
    extra = _unknown(message, event.model_dump(mode="json"), ())
    return found | {Finding(contract.type, Problem.UNKNOWN_FIELD, path) for path in extra}


def _breaches(body: bytes, contract: type[Event], error: ContractError) -> set[Finding]:
    if error.refusal is not Refusal.INVALID:
        return {Finding(contract.type, Problem.UNREADABLE)}
    try:
        CloudEvent[contract].model_validate_json(body)  # type: ignore[valid-type]  # known at run time only
    except ValidationError as invalid:
        return {
            Finding(
                contract.type,
                Problem.MISSING_FIELD if problem["type"] == "missing" else Problem.WRONG_VALUE,
                _path(problem["loc"]),
            )
            for problem in invalid.errors(include_url=False, include_input=False, include_context=False)
        }
    return set()


def _unknown(found: Any, known: Any, path: tuple[str | int, ...]) -> set[str]:
    """The paths of what is in the message and not in the contract's reading of it."""
    match found, known:
        case dict(), dict():
            return {
                way
                for key, value in found.items()
                for way in (_unknown(value, known[key], (*path, key)) if key in known else {_path((*path, key))})
            }
        case list(), list():
            pairs = zip(found, known, strict=False)
            return {way for item, known_item in pairs for way in _unknown(item, known_item, (*path, 0))}
        case _:
            return set()


def _path(location: tuple[str | int, ...]) -> str:
    return _readable(".".join("*" if isinstance(part, int) else part for part in location))


def _readable(name: str) -> str:
    return re.sub(r"[^\x21-\x7e]", "?", name)[:100]


@dataclass(slots=True)
class Tally:
    """What was seen, by type; how much of it was checked; which findings it had."""

    seen: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    drift: Counter[Finding] = field(default_factory=Counter)

    def add(self, finding: Finding) -> bool:
        """Count a finding; return whether it is the first of its kind."""
        if finding not in self.drift and len(self.drift) >= MOST_KINDS:
            finding = Finding(finding.event, finding.problem, "…")
        self.drift[finding] += 1
        return self.drift[finding] == 1

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return {
            "seen": dict(sorted(self.seen.items())),
            "checked": dict(sorted(self.checked.items())),
            "drift": [
                {"event": finding.event, "problem": finding.problem, "path": finding.path, "count": count}
                for finding, count in sorted(self.drift.items())
            ],
        }
