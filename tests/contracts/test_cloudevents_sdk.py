"""The official CloudEvents SDK reads our events, and what is made with it is one of ours."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_structured_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from cloudevents.v1.http import from_json

from contracts import CONTENT_TYPE, EVENTS, CloudEvent, ProjectOrdered, decode
from contracts.story import EXAMPLES


@pytest.fixture(params=list(EXAMPLES.values()), ids=list(EXAMPLES))
def event(request: pytest.FixtureRequest) -> CloudEvent[Any]:
    said: CloudEvent[Any] = request.param
    return said


def read(body: bytes) -> SdkEvent:
    return from_structured_event(RabbitMQMessage(headers={}, content_type=CONTENT_TYPE, body=body))


def test_the_sdk_reads_each_event(event: CloudEvent[Any]) -> None:
    attributes = read(event.encode()).get_attributes()
    assert {name: UUID(attributes[name]) for name in ("id", "subject", "correlationid")} == {
        "id": event.id,
        "subject": event.subject,
        "correlationid": event.correlationid,
    }
    assert (attributes["type"], attributes["source"], attributes["time"]) == (event.type, event.source, event.time)
    assert attributes["dataschema"] == event.dataschema
    assert read(event.encode()).get_data() == json.loads(event.encode())["data"]


def test_its_older_interface_reads_each_event_too(event: CloudEvent[Any]) -> None:
    old = from_json(event.encode())
    assert (old["id"], old["type"], old.data) == (str(event.id), event.type, json.loads(event.encode())["data"])


def test_what_the_sdk_writes_is_the_same_event(event: CloudEvent[Any]) -> None:
    message = to_structured_event(read(event.encode()))
    assert message.content_type == CONTENT_TYPE
    assert decode(message.body, EVENTS[event.type]) == event


@pytest.mark.parametrize("more", [{}, {"id": str(uuid4()), "time": datetime.now(UTC), "correlationid": str(uuid4())}])
def test_an_event_made_with_the_sdk_is_accepted(more: dict[str, Any]) -> None:
    project_id = uuid4()
    attributes = {"type": ProjectOrdered.type, "source": "/shop", "subject": str(project_id)} | more
    data = json.loads(EXAMPLES[ProjectOrdered.type].encode())["data"]
    event = decode(to_structured_event(SdkEvent(attributes, data)).body, ProjectOrdered)
    assert (event.subject, event.source) == (project_id, "/shop")
    assert event.data == EXAMPLES[ProjectOrdered.type].data
    assert {name: getattr(event, name) for name in more} == {
        name: UUID(value) if isinstance(value, str) else value for name, value in more.items()
    }
