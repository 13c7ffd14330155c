"""A breaking change against what is released is refused: one planted case of each. Additive changes pass."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.contracts.documents import write
from ops.contracts.released import breaches, read_released
from ops.failure import CommandError
from ops.places import CHECKOUT

Json = dict[str, Any]

ORDERED = "contracts/schemas/project.ordered.v1.json"
CONFIGURED = "contracts/schemas/dns.configured.v1.json"
FAILED = "contracts/schemas/provisioning.failed.v1.json"
ASYNCAPI = "contracts/asyncapi.json"


def fields(schema: Json, definition: str = "ProjectOrdered") -> Json:
    found: Json = schema["$defs"][definition]["properties"]
    return found


def remove(schema: Json) -> None:
    del fields(schema)["region"]


def rename(schema: Json) -> None:
    properties = fields(schema)
    properties["package"] = properties.pop("plan")
    schema["$defs"]["ProjectOrdered"]["required"] = ["slug", "package", "customer"]


def narrow_the_type(schema: Json) -> None:
    fields(schema)["plugins"] |= {"type": "array", "items": {"type": "string"}}


def widen_a_number(schema: Json) -> None:
    fields(schema, "DnsRecord")["ttl"]["type"] = "number"


def take_null_away(schema: Json) -> None:
    fields(schema)["region"] = {"type": "string", "pattern": fields(schema)["region"]["anyOf"][0]["pattern"]}


def require_a_new_one(schema: Json) -> None:
    fields(schema)["tax_id"] = {"type": "string"}
    schema["$defs"]["ProjectOrdered"]["required"].append("tax_id")


def require_an_old_one(schema: Json) -> None:
    schema["$defs"]["ProjectOrdered"]["required"].append("locale")


def no_longer_promise(schema: Json) -> None:
    schema["$defs"]["ProjectOrdered"]["required"].remove("plan")


def take_a_value_away(schema: Json) -> None:
    schema["$defs"]["Locale"]["enum"].remove("en")


def shorten(schema: Json) -> None:
    fields(schema, "Contact")["name"]["maxLength"] = 100


def lengthen_the_least(schema: Json) -> None:
    fields(schema, "Contact")["name"]["minLength"] = 2


def limit(schema: Json) -> None:
    fields(schema)["plugins"]["maxItems"] = 99


def add_a_pattern(schema: Json) -> None:
    fields(schema, "Contact")["email"]["pattern"] = "^[a-z@.]+$"


def change_the_format(schema: Json) -> None:
    schema["properties"]["subject"]["format"] = "uri"


def change_the_default(schema: Json) -> None:
    fields(schema)["locale"]["default"] = "en"


def change_the_type_on_the_wire(schema: Json) -> None:
    schema["properties"]["type"]["const"] = "vrs.project.bought.v1"


def close_to_the_unknown(schema: Json) -> None:
    schema["$defs"]["Plugin"]["additionalProperties"] = False


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (remove, "project.ordered.v1.data.region: removed"),
        (rename, "project.ordered.v1.data.plan: renamed to package"),
        (narrow_the_type, "project.ordered.v1.data.plugins[]: was object, is string"),
        (take_null_away, "project.ordered.v1.data.region: was null or string, is string"),
        (require_a_new_one, "project.ordered.v1.data.tax_id: is new and required"),
        (require_an_old_one, "project.ordered.v1.data.locale: was optional, is required"),
        (no_longer_promise, "project.ordered.v1.data.plan: was required, is optional"),
        (take_a_value_away, "project.ordered.v1.data.locale: 'en' taken away"),
        (shorten, "project.ordered.v1.data.customer.name: maxLength was 500, is 100"),
        (lengthen_the_least, "project.ordered.v1.data.customer.name: minLength was 1, is 2"),
        (limit, "project.ordered.v1.data.plugins: maxItems was 100, is 99"),
        (add_a_pattern, "project.ordered.v1.data.customer.email: pattern was not set"),
        (change_the_format, "project.ordered.v1.subject: format was 'uuid', is 'uri'"),
        (change_the_default, "project.ordered.v1.data.locale: default was 'de', is 'en'"),
        (change_the_type_on_the_wire, "project.ordered.v1.type: const was 'vrs.project.ordered.v1'"),
        (close_to_the_unknown, "project.ordered.v1.data.plugins[]: refuses unknown fields now"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_breaking_change_of_a_schema_is_refused(
    documents: dict[str, str], released: Path, change: Callable[[Json], None], said: str
) -> None:
    [only] = planted(documents, released, ORDERED, change)
    assert said in only
    assert "add a new version of the event beside this one" in only


def test_a_type_that_is_wider_surprises_readers(documents: dict[str, str], released: Path) -> None:
    [only] = planted(documents, released, CONFIGURED, widen_a_number)
    assert "dns.configured.v1.data.records[].ttl: was integer, is number: readers do not expect it" in only


def another_routing_key(document: Json) -> None:
    channel = document["channels"]["project.ordered.v1"]
    document["channels"] |= {"orders.v1": channel | {"address": "orders.v1"}}
    del document["channels"]["project.ordered.v1"]


def another_exchange(document: Json) -> None:
    document["channels"]["project.ordered.v1"]["bindings"]["amqp"]["exchange"]["name"] = "orders"


def one_binding_less(document: Json) -> None:
    document["channels"]["dns.project-ordered"]["bindings"]["amqp"]["queue"]["x-bindings"].pop()


def a_queue_that_is_there_no_more(document: Json) -> None:
    document["channels"]["dns.parcel-sent"] = document["channels"]["dns.project-ordered"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (another_routing_key, "ProjectOrdered: routing key was project.ordered.v1, is orders.v1"),
        (another_exchange, "ProjectOrdered: exchange was"),
        (one_binding_less, "dns.project-ordered: is no longer bound to vrs.to"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_breaking_change_of_the_wire_is_refused(
    documents: dict[str, str], released: Path, change: Callable[[Json], None], said: str
) -> None:
    [only] = planted(documents, released, ASYNCAPI, change)
    assert said in only


def test_a_queue_that_is_gone_is_refused(documents: dict[str, str], released: Path) -> None:
    old = json.dumps(changed(documents[ASYNCAPI], a_queue_that_is_there_no_more))
    write({**documents, ASYNCAPI: old}, released)
    [only] = refused(documents, released)
    assert only.startswith("dns.parcel-sent: the queue is gone")


def test_an_event_that_is_gone_is_refused(documents: dict[str, str], released: Path) -> None:
    fewer = {path: text for path, text in documents.items() if path != ORDERED}
    [only] = refused(fewer, released)
    assert only.startswith("project.ordered.v1: the event is gone")


def add_a_field(schema: Json) -> None:
    fields(schema)["note"] = {"type": "string", "maxLength": 10}


def add_a_value(schema: Json) -> None:
    schema["$defs"]["Locale"]["enum"].append("fr")


def widen(schema: Json) -> None:
    fields(schema)["plugins"]["maxItems"] = 200
    fields(schema, "Contact")["name"]["minLength"] = 0
    del fields(schema, "Plugin")["version"]["pattern"]


def say_it_better(schema: Json) -> None:
    fields(schema)["plan"]["description"] = "What was paid for."


@pytest.mark.parametrize("change", [add_a_field, add_a_value, widen, say_it_better])
def test_an_additive_change_passes(documents: dict[str, str], released: Path, change: Callable[[Json], None]) -> None:
    assert planted(documents, released, ORDERED, change) == []


def test_another_event_and_another_consumer_pass(documents: dict[str, str], released: Path) -> None:
    (released / FAILED).unlink()
    document = json.loads((released / ASYNCAPI).read_text())
    for channel in ("notify.provisioning-failed", "provisioning.failed.v1"):
        del document["channels"][channel]
    (released / ASYNCAPI).write_text(json.dumps(document))
    assert refused(documents, released) == []


def test_what_is_released_is_the_newest_tag_else_what_main_has_else_the_commit_before(
    documents: dict[str, str], tmp_path: Path
) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit() -> str:
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", "--message", "next")
        return git("rev-parse", "HEAD")

    def released_at() -> str | None:
        found = read_released(None, tmp_path)
        return found.name if found else None

    git("init", "--quiet", "--initial-branch", "main")
    first = commit()
    assert released_at() is None
    write(documents, tmp_path)
    second = commit()
    assert released_at() == first
    git("switch", "--quiet", "--create", "branch")
    broken = documents | {ORDERED: json.dumps(changed(documents[ORDERED], remove))}
    write(broken, tmp_path)
    commit()
    assert released_at() == second
    found = read_released(None, tmp_path)
    assert found is not None
    [only] = breaches(found, broken)
    assert str(only).startswith("project.ordered.v1.data.region: removed")
    git("tag", "v1.0.0", second)
    commit()
    assert released_at() == "v1.0.0"


def test_a_base_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no revision and no folder"):
        read_released("no-such-revision", CHECKOUT)
    with pytest.raises(CommandError, match="--base"):
        read_released(None, tmp_path)


def test_a_base_folder_is_looked_for_where_the_command_is_called(
    released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(released.parent)
    assert read_released(released.name, CHECKOUT)


def test_a_base_folder_that_cannot_be_read_is_refused(documents: dict[str, str], released: Path) -> None:
    (released / ORDERED).write_text("{", encoding="utf-8")
    with pytest.raises(CommandError, match="not JSON"):
        read_released(str(released), CHECKOUT)
    write({ORDERED: "[]"}, released)
    with pytest.raises(CommandError, match="expected a JSON object"):
        read_released(str(released), CHECKOUT)
    for file in (released / ORDERED).parent.glob("*.json"):
        file.unlink()
    with pytest.raises(CommandError, match="there is no schema"):
        read_released(str(released), CHECKOUT)


@pytest.fixture
def released(documents: dict[str, str], tmp_path: Path) -> Path:
    """A folder with what was released: the same as now."""
    write(documents, tmp_path)
    return tmp_path


def changed(text: str, change: Callable[[Json], None]) -> Json:
    value: Json = json.loads(text)
    change(value)
    return value


def planted(documents: dict[str, str], released: Path, path: str, change: Callable[[Json], None]) -> list[str]:
    """What is said of the change."""
    return refused(documents | {path: json.dumps(changed(documents[path], change))}, released)


def refused(documents: dict[str, str], released: Path) -> list[str]:
    base = read_released(str(released), CHECKOUT)
    assert base is not None
    return [str(breach) for breach in breaches(base, documents)]
