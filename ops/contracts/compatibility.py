"""Whether a contract still means to everybody what it meant when it was released.

Each event has writers and readers, and integrators are both: what a writer was allowed to say must stay allowed, what
a reader relied on must stay true. Adding an optional field, an enum value or an event breaks nobody, as readers pass
over what they do not know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

REMEDY = "leave it as it was and add a new version of the event beside this one (….v2)"
QUEUE_REMEDY = "leave it as it was"
UPPER = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
LOWER = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
SAME = ("const", "format", "oneOf", "default", "multipleOf")


@dataclass(frozen=True, slots=True)
class Breach:
    """A breaking change: where, what has changed, whom it breaks, and what to do instead."""

    where: str
    what: str
    why: str
    remedy: str = REMEDY

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.why}; {self.remedy}"


def schema_breaches(name: str, old: Json, new: Json) -> list[Breach]:
    """What the schema `new` of the event `name` breaks of `old`. Either may be of any shape that pydantic generates."""
    return list(_compare(name, _Node(old, old), _Node(new, new)))


@dataclass(frozen=True, slots=True)
class _Node:
    """A place in a schema, with references followed and "or null" taken apart."""

    root: Json
    raw: Json

    @property
    def schema(self) -> Json:
        schema = {key: value for key, value in self.raw.items() if key != "$ref"}
        reference = self.raw.get("$ref")
        if reference is not None:
            target: Any = self.root
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
            schema = _Node(self.root, target).schema | schema
        options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
        if len(options) == 1 and "anyOf" in schema:
            schema = _Node(self.root, options[0]).schema | {k: v for k, v in schema.items() if k != "anyOf"}
            schema["type"] = [schema.get("type"), "null"]
        return schema

    def field(self, name: str) -> "_Node":
        return _Node(self.root, self.schema["properties"][name])

    @property
    def items(self) -> "_Node | None":
        return _Node(self.root, self.schema["items"]) if isinstance(self.schema.get("items"), dict) else None


def _compare(where: str, old: _Node, new: _Node) -> Iterator[Breach]:
    types = list(_types(where, old.schema, new.schema))
    yield from types
    if types:
        return
    yield from _meaning(where, old.schema, new.schema)
    yield from _bounds(where, old.schema, new.schema)
    yield from _fields(where, old, new)
    if old.items is not None and new.items is not None:
        yield from _compare(f"{where}[]", old.items, new.items)
    for name in old.schema.get("properties", {}):
        if name in new.schema.get("properties", {}):
            yield from _compare(f"{where}.{name}", old.field(name), new.field(name))


def _types(where: str, old: Json, new: Json) -> Iterator[Breach]:
    before, after = _kinds(old), _kinds(new)
    change = f"was {_words(before)}, is {_words(after)}"
    wider = {"integer"} if "number" in after else set()
    if before - after - wider:
        yield Breach(where, change, "what writers may say now would be refused")
    elif after - before:
        yield Breach(where, change, "readers do not expect it")


def _meaning(where: str, old: Json, new: Json) -> Iterator[Breach]:
    for key in SAME:
        if old.get(key) != new.get(key):
            change = f"{key} was {_shown(old, key)}, is {_shown(new, key)}"
            yield Breach(where, change, "the same bytes would mean something else, or be refused")


def _bounds(where: str, old: Json, new: Json) -> Iterator[Breach]:
    why = "what writers may say now would be refused"
    taken = [value for value in old.get("enum", ()) if value not in new.get("enum", ())]
    if taken and "enum" in new:
        yield Breach(where, f"{', '.join(map(repr, taken))} taken away from the values", why)
    elif "enum" in new and "enum" not in old:
        yield Breach(where, "is now one of a few values", why)
    for key in UPPER:
        if key in new and (key not in old or new[key] < old[key]):
            yield Breach(where, f"{key} was {_shown(old, key)}, is {new[key]}", why)
    for key in LOWER:
        if key in new and (key not in old or new[key] > old[key]):
            yield Breach(where, f"{key} was {_shown(old, key)}, is {new[key]}", why)
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield Breach(where, f"pattern was {_shown(old, 'pattern')}, is {new['pattern']}", why)
    if new.get("uniqueItems") and not old.get("uniqueItems"):
        yield Breach(where, "must now be distinct", why)
    if new.get("additionalProperties", True) is False and old.get("additionalProperties", True) is not False:
        yield Breach(where, "refuses unknown fields now", why)


def _fields(where: str, old: _Node, new: _Node) -> Iterator[Breach]:
    before, after = old.schema.get("properties", {}), new.schema.get("properties", {})
    needed, needs = set(old.schema.get("required", ())), set(new.schema.get("required", ()))
    added = [name for name in after if name not in before]
    renamed: set[str] = set()
    for name in before:
        if name not in after:
            twin = next((each for each in added if _alike(old.field(name).schema, new.field(each).schema)), None)
            what = f"renamed to {twin}" if twin else "removed"
            renamed |= {twin} if twin else set()
            yield Breach(f"{where}.{name}", what, "writers' values are ignored, and readers miss it")
        elif name in needs - needed:
            yield Breach(f"{where}.{name}", "was optional, is required", "events without it would be refused")
        elif name in needed - needs:
            yield Breach(f"{where}.{name}", "was required, is optional", "readers rely on it")
    for name in added:
        if name in needs - renamed:
            yield Breach(f"{where}.{name}", "is new and required", "events that were right without it would be refused")


def _alike(old: Json, new: Json) -> bool:
    told = ("description", "title")
    return {k: v for k, v in old.items() if k not in told} == {k: v for k, v in new.items() if k not in told}


def _kinds(schema: Json) -> set[str]:
    kind = schema.get("type")
    if kind is None:
        return {str(option.get("type", option)) for option in schema.get("anyOf", ())} or {"anything"}
    return {str(each) for each in (kind if isinstance(kind, list) else [kind])}


def _words(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))


def _shown(schema: Json, key: str) -> str:
    return repr(schema[key]) if key in schema else "not set"


def wire_breaches(old: Json, new: Json) -> list[Breach]:
    """What the AsyncAPI document `new` breaks of `old` on the wire: routing keys, exchanges, bindings of queues."""
    return list(_channels(old["channels"], new["channels"]))


def _channels(old: Json, new: Json) -> Iterator[Breach]:
    said = {event: channel for channel in new.values() if (event := _event_of(channel)) is not None}
    for name, channel in old.items():
        binding = channel["bindings"]["amqp"]
        event = _event_of(channel)
        if binding["is"] == "queue" and name not in new:
            yield Breach(name, "the queue is gone", "events that wait in it are handled by nobody")
        elif binding["is"] == "queue":
            yield from _queue(name, binding["queue"], new[name]["bindings"]["amqp"]["queue"])
        elif event is not None and event not in said:
            yield Breach(event, f"is no longer said under {channel['address']}", "who listens would hear nothing")
        elif event is not None:
            yield from _way(event, channel, said[event])


def _way(event: str, old: Json, new: Json) -> Iterator[Breach]:
    before, after = old["bindings"]["amqp"]["exchange"], new["bindings"]["amqp"]["exchange"]
    changes = (("routing key", old["address"], new["address"]), ("exchange", before, after))
    for what, was, now in changes:
        if was != now:
            yield Breach(event, f"{what} was {was}, is {now}", "queues are bound to the old one and would hear nothing")


def _event_of(channel: Json) -> str | None:
    """The event that a channel carries to whoever listens; None for a queue and for dead letters."""
    if channel["bindings"]["amqp"]["is"] == "queue" or "parameters" in channel:
        return None
    event: str = next(iter(channel["messages"]))
    return event


def _queue(name: str, old: Json, new: Json) -> Iterator[Breach]:
    gone = [binding for binding in old["x-bindings"] if binding not in new["x-bindings"]]
    for binding in gone:
        change = f"is no longer bound to {binding['exchange']} by {binding['routingKey']}"
        yield Breach(name, change, "what is sent there would not arrive", QUEUE_REMEDY)
