"""What the pages show, taken from the schemas, the AsyncAPI document and the services."""

import json
from dataclasses import dataclass
from typing import Any

from contracts import EVENTS, CloudEvent, Event, ProjectOrdered
from contracts.event import LABEL, NO_CONTROL_CHARACTERS
from contracts.story import EXAMPLES
from ops.contracts.documents import as_json
from ops.contracts.failure_paths import failure_path
from ops.contracts.schemas import plain, schema_of
from ops.contracts.system import consumers_of, publishers_of
from shared.service import Service

Json = dict[str, Any]

FORMATS = {"uuid": "UUID", "date-time": "time", "uri": "URL", "email": "mail address", "ipv4": "IPv4", "ipv6": "IPv6"}
PATTERNS = {
    NO_CONTROL_CHARACTERS: "one line",
    rf"^{LABEL}$": "a DNS label: 1-63 of a-z, 0-9 and inner hyphens",
    rf"^(?:{LABEL}\.)+{LABEL}$": "a lower-case host name without trailing dot",
}
BOUNDS = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {}"),
    ("maxItems", "at most {}"),
    ("minimum", "from {}"),
    ("maximum", "to {}"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A row of a table of fields. `refers_to` is the table that describes its type."""

    name: str
    kind: str
    refers_to: str | None
    required: bool
    meaning: str
    rules: tuple[str, ...]
    pattern: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """A type with fields of its own."""

    name: str
    meaning: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Hearing:
    """A service that hears an event, and what it does if it cannot handle it."""

    service: str
    does: str
    failure: Json


@dataclass(frozen=True, slots=True)
class EventView:
    """Everything on an event's page."""

    name: str
    type: str
    routing_key: str
    page: str
    meaning: tuple[str, ...]
    said_by: tuple[str, ...]
    heard_by: tuple[Hearing, ...]
    required_by: tuple[str, ...]
    groups: tuple[Group, ...]
    example: str
    changes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Its first sentence."""
        return self.meaning[0].split(". ")[0].rstrip(".") + "."


def event_views(services: tuple[Service, ...]) -> list[EventView]:
    """Every event, in the order of the choreography."""
    return [_event(services, event) for event in EVENTS.values()]


def envelope() -> Group:
    """The attributes of every message."""
    schema = schema_of(ProjectOrdered)
    del schema["properties"]["type"]["const"]
    schema["properties"]["data"] = {"type": "object", "description": "The facts: see each event."}
    return _group("CloudEvent", plain(CloudEvent.__doc__ or ""), schema, schema)


def _event(services: tuple[Service, ...], event: type[Event]) -> EventView:
    schema = schema_of(event)
    definitions = schema["$defs"]
    names = [event.__name__, *sorted(definitions.keys() - {event.__name__})]
    return EventView(
        name=event.__name__,
        type=event.type,
        routing_key=event.routing_key(),
        page=f"{event.hyphenated()}.html",
        meaning=tuple(plain(event.__doc__ or "").split("\n\n")),
        said_by=tuple(service.name.value for service in publishers_of(services, event)),
        heard_by=tuple(
            Hearing(
                service.name.value,
                plain(getattr(consumer.handler, "func", consumer.handler).__doc__ or "").split("\n\n")[0],
                failure_path(service.name, consumer),
            )
            for service, consumer in consumers_of(services, event)
        ),
        required_by=tuple(service.value for service in event.required_by),
        groups=tuple(
            _group(name, definitions[name].get("description", ""), definitions[name], schema)
            for name in names
            if "properties" in definitions[name]
        ),
        example=as_json(EXAMPLES[event.type].model_dump(mode="json", exclude_none=True)),
        changes=tuple(reversed(event.changes)),
    )


def _group(name: str, meaning: str, definition: Json, schema: Json) -> Group:
    required = definition.get("required", ())
    fields = (_field(each, field, each in required, schema) for each, field in definition["properties"].items())
    return Group(name, meaning, tuple(fields))


def _field(name: str, field: Json, required: bool, schema: Json) -> Field:
    one = next((option for option in field.get("anyOf", ()) if option != {"type": "null"}), field)
    many = one.get("type") == "array"
    inner = one["items"] if many else one
    refers_to = inner["$ref"].rpartition("/")[2] if "$ref" in inner else None
    target = schema["$defs"][refers_to] if refers_to else inner
    values = target.get("enum", ())
    kind = FORMATS.get(inner.get("format", ""), inner.get("type", refers_to or "any"))
    if values:
        kind, refers_to = "one of", None
    rules = [f"`{value}`" for value in values]
    rules += [
        _bound(key, words, each[key]) for each in (inner, one)[: 1 + many] for key, words in BOUNDS if key in each
    ]
    rules += [PATTERNS[inner["pattern"]]] if inner.get("pattern") in PATTERNS else []
    rules += [f"`{inner['const']}`"] if "const" in inner else []
    rules += [f"without it: `{json.dumps(field['default'])}`"] if field.get("default") not in (None, [], ()) else []
    return Field(
        name=name,
        kind=f"list of {refers_to or kind}" if many else refers_to or kind,
        refers_to=refers_to,
        required=required,
        meaning=field.get("description") or target.get("description", ""),
        rules=tuple(rules),
        pattern=None if inner.get("pattern") in PATTERNS else inner.get("pattern"),
    )


def _bound(key: str, words: str, value: int) -> str:
    return "not empty" if value == 1 and key in ("minLength", "minItems") else words.format(value)
