"""What differs from a contract is found by event, problem and path; nothing else of the message is kept."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.conformance.drift import MOST_KINDS, Finding, Problem, Tally, findings
from tests.choreography.events import Story

TYPE, KEY = "vrs.dns.configured.v1", "dns.configured.v1"

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "data", "id", "x"]), inner),
    max_leaves=9,
)


def configured(**data: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(Story().configured().encode())
    event["data"] |= data
    return event


def found(event: Any, routing_key: str = KEY) -> set[Finding]:
    return findings(json.dumps(event).encode(), routing_key)


@pytest.mark.parametrize("event", ["ordered", "configured", "deployed", "healthy", "failed", "delayed", "cancelled"])
def test_an_event_as_a_service_says_it_has_no_drift(event: str) -> None:
    said = getattr(Story(), event)()
    assert findings(said.encode(), said.data.routing_key()) == set()


def test_a_missing_field_is_named() -> None:
    event = configured()
    del event["data"]["server"]["region"]
    del event["time"]
    assert found(event) == {
        Finding(TYPE, Problem.MISSING_FIELD, "data.server.region"),
        Finding(TYPE, Problem.MISSING_FIELD, "time"),
    }


def test_a_wrong_value_is_named_without_its_value() -> None:
    event = configured(fqdn="secret value", placement_reason=7)
    assert found(event) == {
        Finding(TYPE, Problem.WRONG_VALUE, "data.fqdn"),
        Finding(TYPE, Problem.WRONG_VALUE, "data.placement_reason"),
    }


def test_unknown_fields_are_named_wherever_they_are() -> None:
    event = configured(note="new") | {"partitionkey": "7"}
    for record in event["data"]["records"]:
        record["comment"] = "new"
    event["data"]["server"]["rack"] = {"row": 1}
    paths = {"data.note", "partitionkey", "data.records.*.comment", "data.server.rack"}
    assert found(event) == {Finding(TYPE, Problem.UNKNOWN_FIELD, path) for path in paths}


def test_a_type_or_version_that_there_is_not_is_named() -> None:
    assert found(configured() | {"type": "vrs.dns.configured.v2"}) == {
        Finding("unknown", Problem.UNKNOWN_TYPE, "vrs.dns.configured.v2")
    }


def test_an_event_under_another_events_key_is_found() -> None:
    assert found(configured(), "core.healthy.v1") == {Finding(TYPE, Problem.WRONG_ROUTING_KEY, "core.healthy.v1")}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"type": []}', b"[" * 100_000, json.dumps({"type": TYPE}).encode()],
)
def test_what_is_no_event_is_unreadable(body: bytes) -> None:
    assert findings(body, KEY) == {Finding(TYPE, Problem.UNREADABLE)}


def test_names_from_outside_are_cut_short_and_have_no_control_characters() -> None:
    [finding] = found(configured(**{"\x1b[31m" + "x" * 1000: 1}))
    assert finding.path.startswith("data.?[31mxxx")
    assert len(finding.path) == 100


@settings(max_examples=50, deadline=None)
@given(body=st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode()), data=JSON)
def test_no_message_whatever_it_is_breaks_the_check(body: bytes, data: Any) -> None:
    findings(body, KEY)
    findings(json.dumps(configured() | {"data": data}).encode(), KEY)


def test_more_kinds_than_can_be_told_apart_are_still_counted() -> None:
    tally = Tally()
    for number in range(MOST_KINDS + 10):
        tally.add(Finding(TYPE, Problem.UNKNOWN_FIELD, f"data.x{number}"))
    assert tally.drift[Finding(TYPE, Problem.UNKNOWN_FIELD, "…")] == 10
    assert tally.drift.total() == MOST_KINDS + 10
