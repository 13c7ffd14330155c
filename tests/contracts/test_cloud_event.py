"""The envelope and what it refuses."""

import json
from typing import get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import (
    EVENTS,
    MAX_BYTES,
    CloudEvent,
    ContractError,
    Event,
    ProjectCancelled,
    ProjectOrdered,
    ServiceName,
    decode,
    uuid7,
)

ORDER = {
    "slug": "bakery-schmidt",
    "base_domain": "vrs.example",
    "plan": "small",
    "plugins": [{"name": "shop", "version": "1.4.2"}],
    "customer": {"name": "Erika Schmidt", "email": "erika@kunde-mit-domain.example"},
}


def order() -> CloudEvent[ProjectOrdered]:
    return CloudEvent.of(ProjectOrdered.model_validate(ORDER), source="marketplace", project_id=uuid4())


def test_an_event_survives_the_wire_unchanged() -> None:
    event = order()
    assert decode(event.encode(), ProjectOrdered) == event


def test_an_event_travels_on_one_line_as_structured_cloud_events_json() -> None:
    event = order()
    wire = json.loads(event.encode())
    assert b"\n" not in event.encode()
    assert wire["specversion"] == "1.0"
    assert wire["type"] == "vrs.project.ordered.v1"
    assert wire["subject"] == str(event.subject)
    assert wire["correlationid"] == wire["id"]
    assert wire["time"].endswith("Z")
    assert "causationid" not in wire
    assert "null" not in event.encode().decode()


@pytest.mark.parametrize("contract", EVENTS.values())
def test_a_fact_that_may_be_null_may_be_left_out_as_the_wire_does(contract: type[Event]) -> None:
    nullable = [field for field in contract.model_fields.values() if type(None) in get_args(field.annotation)]
    assert not any(field.is_required() for field in nullable)


def test_attribute_names_are_those_that_cloud_events_allows() -> None:
    wire = json.loads(order().encode())
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in wire)


def test_ids_are_time_ordered_uuids_of_version_7() -> None:
    first, second = uuid7(), uuid7()
    assert (first.version, first.variant) == (7, UUID(int=0x8 << 60).variant)
    assert first.int >> 80 <= second.int >> 80
    assert first != second


def test_any_uuid_is_accepted_as_an_id() -> None:
    wire = json.loads(order().encode())
    wire["id"] = "00000000-0000-1000-8000-000000000001"
    assert decode(json.dumps(wire).encode(), ProjectOrdered).id.version == 1


def test_unknown_fields_are_ignored_everywhere() -> None:
    wire = json.loads(order().encode())
    wire["extension"] = 1
    wire["data"]["future"] = {"a": 1}
    wire["data"]["customer"]["phone"] = "0"
    assert decode(json.dumps(wire).encode(), ProjectOrdered).data == order().data


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("slug", "Bäckerei", "data.slug"),
        ("slug", "-a", "data.slug"),
        ("slug", "a" * 64, "data.slug"),
        ("base_domain", "vrs.example.", "data.base_domain"),
        ("base_domain", "localhost", "data.base_domain"),
        ("plugins", [{"name": "shop"}], "data.plugins.0.version"),
        ("plugins", [{"name": "shop", "version": "1"}] * 2, "name each plugin once"),
        ("plugins", [{"name": f"p{n}", "version": "1"} for n in range(101)], "data.plugins"),
        ("customer", {"name": "E", "email": "no address"}, "data.customer.email"),
        ("customer", {"name": "", "email": "e@kunde-mit-domain.example"}, "data.customer.name"),
        ("locale", "fr", "data.locale"),
        ("own_domain", "also.example", "exactly one of base_domain and own_domain"),
    ],
)
def test_a_wrong_field_is_named_with_its_path(field: str, value: object, problem: str) -> None:
    wire = json.loads(order().encode())
    wire["data"][field] = value
    with pytest.raises(ContractError) as refused:
        decode(json.dumps(wire).encode(), ProjectOrdered)
    assert problem in str(refused.value)
    assert (refused.value.event_id, refused.value.project_id) == (UUID(wire["id"]), UUID(wire["subject"]))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("id", "01a20cc87d3c7c3b9d526f0b8e4a2d17"),
        ("id", "urn:uuid:01a20cc8-7d3c-7c3b-9d52-6f0b8e4a2d17"),
        ("subject", "{01a20cc8-7d3c-7c3b-9d52-6f0b8e4a2d17}"),
        ("time", 1_700_000_000),
        ("time", "1700000000"),
        ("time", "2026-01-31 12:00:00Z"),
        ("time", "2026-01-31T12:00:00"),
        ("specversion", "0.3"),
        ("specversion", None),
    ],
)
def test_an_attribute_that_the_schema_refuses_is_refused(attribute: str, value: object) -> None:
    wire = {**json.loads(order().encode()), attribute: value}
    with pytest.raises(ContractError, match=attribute):
        decode(json.dumps(wire).encode(), ProjectOrdered)


def test_an_event_that_does_not_say_its_version_of_cloud_events_is_refused() -> None:
    wire = json.loads(order().encode())
    del wire["specversion"]
    with pytest.raises(ContractError, match="specversion: is missing"):
        decode(json.dumps(wire).encode(), ProjectOrdered)


def test_an_event_under_another_ones_contract_is_refused() -> None:
    with pytest.raises(ContractError, match=r"expected 'vrs.project.cancelled.v1'"):
        decode(order().encode(), ProjectCancelled)


def test_a_body_over_the_limit_is_not_even_read() -> None:
    with pytest.raises(ContractError, match="at most"):
        decode(b" " * (MAX_BYTES + 1), ProjectOrdered)


@given(st.binary(max_size=2000))
def test_no_bytes_whatever_raise_anything_but_a_contract_error(body: bytes) -> None:
    with pytest.raises(ContractError):
        decode(body, ProjectOrdered)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.sampled_from([*ORDER, "id", "subject", "type", "time", "source", "data"]), JSON)
def test_no_value_in_any_field_raises_anything_but_a_contract_error(field: str, value: object) -> None:
    wire = json.loads(order().encode())
    (wire["data"] if field in ORDER else wire)[field] = value
    try:
        decoded = decode(json.dumps(wire).encode("utf-8", "surrogatepass"), ProjectOrdered)
    except ContractError:
        return
    assert decode(decoded.encode(), ProjectOrdered) == decoded


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.__name__)
def test_every_event_has_a_wire_name_a_few_facts_and_listeners_that_exist(event: type[Event]) -> None:
    assert event.type.startswith("vrs.")
    assert event.type.endswith(".v1")
    assert 2 <= len(event.model_fields) <= 12
    assert set(event.required_by) <= set(ServiceName)
    assert event.__doc__


def test_wire_names_are_distinct() -> None:
    assert len({event.routing_key() for event in EVENTS.values()}) == len(EVENTS) == 22
