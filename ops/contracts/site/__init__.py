"""The contracts as a static site: no server, no network, no script that it could not do without."""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from contracts import CONTENT_TYPE, EVENTS_EXCHANGE, MAX_BYTES, ProjectOrdered
from contracts.cloud_event import Refusal
from contracts.story import EXAMPLES
from ops.contracts.asyncapi import INTRODUCTION
from ops.contracts.documents import ASYNCAPI, EXAMPLE_FILES, SCHEMAS, as_json, generate
from ops.contracts.failure_paths import DEAD_LETTER_HEADERS
from ops.contracts.picture import draw
from ops.contracts.site.views import EventView, envelope, event_views
from ops.failure import CommandError
from shared.service import Service

STATIC = Path(__file__).parent / "static"
MARK = "vrs-contracts-site"
"""A file that says that a folder is ours to replace."""

NODE_EXAMPLE = "examples/node"


def write_site(services: tuple[Service, ...], out: Path, checkout: Path) -> int:
    """Write the site to `out`, replacing an older one; return how many pages it has.

    Raises:
        CommandError: `out` has something else in it.

    """
    if out.exists() and not (out / MARK).is_file() and any(out.iterdir()):
        raise CommandError(f"{out} has something else in it; name a new folder", exit_code=2)
    shutil.rmtree(out, ignore_errors=True)
    files = pages(services, checkout) | _downloads(services)
    for name, text in files.items():
        file = out / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for file in STATIC.iterdir():
        shutil.copy(file, out / file.name)
    (out / MARK).write_text("")
    return sum(name.endswith(".html") for name in files)


def pages(services: tuple[Service, ...], checkout: Path) -> dict[str, str]:
    """Every page by its path, and the index that the search looks in."""
    events = event_views(services)
    shown: dict[str, dict[str, Any]] = {
        "index.html": {"picture": Markup(draw(services, links="events/")), "introduction": INTRODUCTION},  # noqa: S704 - ours
        "quickstart.html": {"envelope": envelope(), **_node(checkout)},
        "failure.html": {"refusals": list(Refusal), "headers": DEAD_LETTER_HEADERS},
    }
    environment = _environment(events)
    rendered = {
        name: environment.get_template(name).render(page=name, root="", **values) for name, values in shown.items()
    }
    for event in events:
        template = environment.get_template("event.html")
        rendered[f"events/{event.page}"] = template.render(page=f"events/{event.page}", root="../", event=event)
    return rendered | {"search.js": f"window.searchIndex = {json.dumps(list(_index(events)), ensure_ascii=False)};\n"}


def _environment(events: list[EventView]) -> Environment:
    environment = Environment(
        loader=PackageLoader(__name__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": _prose, "code": _code, "span": _span}
    environment.globals |= {
        "events": events,
        "exchange": EVENTS_EXCHANGE,
        "content_type": CONTENT_TYPE,
        "max_bytes": MAX_BYTES,
    }
    return environment


def _prose(text: str) -> Markup:
    """Text with its code marks."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def _code(text: str, language: str) -> Markup:
    return Markup(highlight(text, get_lexer_by_name(language), HtmlFormatter(nowrap=True)))  # noqa: S704 - escaped by it


def _span(duration: str) -> str:
    """``PT1H30M`` in words."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?", duration)
    parts = zip(found.groups() if found else (), ("day", "hour", "minute", "second"), strict=False)
    words = [f"{count} {unit}{'' if count == '1' else 's'}" for count, unit in parts if count]
    return " ".join(words) or duration


def _node(checkout: Path) -> dict[str, Any]:
    """The example in JavaScript, with what it needs; no `node` where there is no checkout."""
    folder = checkout / NODE_EXAMPLE
    if not folder.is_dir():
        return {"node": {}}
    return {
        "node": {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.js")},
        "amqplib": json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]["amqplib"],
        "order": as_json(EXAMPLES[ProjectOrdered.type].data.model_dump(mode="json", exclude_none=True)),
    }


def _downloads(services: tuple[Service, ...]) -> dict[str, str]:
    folders = (f"{SCHEMAS}/", f"{EXAMPLE_FILES}/", ASYNCAPI)
    return {
        path.removeprefix("contracts/"): text for path, text in generate(services).items() if path.startswith(folders)
    }


def _index(events: list[EventView]) -> Iterable[dict[str, str]]:
    yield {"title": "Quickstart", "url": "quickstart.html", "text": "publish consume queue bind CloudEvents envelope"}
    yield {"title": "When it fails", "url": "failure.html", "text": "retry deadline dead letter replay headers refused"}
    for event in events:
        said = " ".join((*event.said_by, *(each.service for each in event.heard_by)))
        url = f"events/{event.page}"
        yield {"title": event.name, "url": url, "text": f"{event.type} {said} {' '.join(event.meaning)}"}
        for group in event.groups:
            for field in group.fields:
                where = f"{url}#{group.name}.{field.name}"
                yield {"title": f"{event.name} · {field.name}", "url": where, "text": f"{group.name} {field.meaning}"}
