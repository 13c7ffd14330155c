"""The schemas and examples: committed, valid, and of one mind with what the services read events with."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from contracts import EVENTS, CloudEvent, ContractError, Event, ServiceName, WebhookDisabled, decode
from contracts.story import EXAMPLES, STORY
from ops.contracts.documents import differing
from ops.contracts.schemas import schema_of
from ops.contracts.system import build_services, publishers_of
from ops.places import CHECKOUT
from shared.service import Service

CONTRACTS = pytest.mark.parametrize("contract", EVENTS.values(), ids=lambda event: event.__name__)

DEEP: list[Any] = ["", "x", "  ", "UPPER", "a\nb", "x" * 501, "300", "true", "2026-01-31T12:00:00Z"]
DEEP += [17, -1, 2.5, 300.0, 1_700_000_000, True, None, [], {}, [None], {"a": 1}]
"""What is planted at each place of an event."""

FORMATS = FormatChecker()
FORMATS.checks("uri")(lambda value: not isinstance(value, str) or "://" in value)
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or value[-1:] == "Z")


def test_the_committed_documents_are_what_the_code_says(documents: dict[str, str]) -> None:
    assert differing(documents, CHECKOUT) == [], "run `vrs contracts export` and commit"


async def test_the_documents_do_not_depend_on_the_settings_of_whoever_generates_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VRS_AMQP_URL", "not even a URL")
    monkeypatch.setenv("VRS_RECORD_TTL", "1")
    assert [service.name for service in await build_services()] == list(ServiceName)


@CONTRACTS
def test_a_schema_is_a_schema_and_its_example_is_valid(contract: type[Event]) -> None:
    schema = schema_of(contract)
    Draft202012Validator.check_schema(schema)
    wire = json.loads(EXAMPLES[contract.type].encode())
    Draft202012Validator(schema).validate(wire)
    assert wire["dataschema"] == f"{schema['$id']}#data"
    assert schema["$defs"][contract.__name__]["$anchor"] == "data"


@CONTRACTS
def test_every_field_says_what_it_means(contract: type[Event]) -> None:
    for definition in [schema_of(contract), *schema_of(contract)["$defs"].values()]:
        for name, field in definition.get("properties", {}).items():
            assert "description" in field or "$ref" in field, name


@CONTRACTS
def test_schema_and_services_are_of_one_mind_about_any_value_anywhere(contract: type[Event]) -> None:
    validator = Draft202012Validator(schema_of(contract), format_checker=FORMATS)
    example = json.loads(EXAMPLES[contract.type].encode())
    minds = [(validator.is_valid(wire), is_read(wire, contract), wire) for wire in planted(example)]
    assert [wire for valid, read, wire in minds if valid != read] == []
    assert {valid for valid, _, _ in minds} == {True, False}


@CONTRACTS
def test_a_field_that_is_missing_is_refused_by_both(contract: type[Event]) -> None:
    validator = Draft202012Validator(schema_of(contract))
    example = json.loads(EXAMPLES[contract.type].encode())
    for name in contract.model_json_schema()["required"]:
        wire = copy.deepcopy(example)
        del wire["data"][name]
        assert not validator.is_valid(wire)
        with pytest.raises(ContractError, match=rf"data\.{name}: is missing, add it|give exactly one"):
            decode(json.dumps(wire).encode(), contract)


def test_the_examples_are_one_story(services: tuple[Service, ...]) -> None:
    said: list[CloudEvent[Any]] = []
    for event in STORY:
        causes = [before for before in said if before.id == event.causationid]
        assert event.causationid is None or causes
        assert decode(event.encode(), type(event.data)) == event
        said.append(event)
    of_project = [event for event in STORY if not isinstance(event.data, WebhookDisabled)]
    assert len({event.subject for event in of_project}) == len({event.correlationid for event in of_project}) == 1
    assert [event.time for event in STORY] == sorted(event.time for event in STORY)
    assert [event.id.version for event in STORY] == [7] * len(STORY)
    for event in STORY:
        publishers = publishers_of(services, type(event.data))
        assert not publishers or event.source.removeprefix("/vrs/") in [service.name for service in publishers]


def is_read(wire: dict[str, Any], contract: type[Event]) -> bool:
    """Whether a service reads it."""
    try:
        decode(json.dumps(wire).encode(), contract)
    except ContractError:
        return False
    return True


def planted(example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The example with each value of `DEEP` at each of its places."""
    for path in places(example):
        for value in DEEP:
            wire = copy.deepcopy(example)
            *way, last = path
            at: Any = wire
            for step in way:
                at = at[step]
            at[last] = value
            yield wire


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything inside `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))
