"""The site: complete, without a dead link, and nothing in it comes from elsewhere."""

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag

import pytest

from contracts import EVENTS, Event
from ops.contracts.documents import PICTURE
from ops.contracts.site import write_site
from ops.failure import CommandError
from ops.places import CHECKOUT
from shared.messaging.topology import published_by
from shared.service import Service

FETCHED = {"script": "src", "link": "href", "img": "src", "iframe": "src"}


class Page(HTMLParser):
    """What a page has: ids, links, and what the browser would fetch for it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids |= {given["id"] or ""} if "id" in given else set()
        self.links |= {given["href"] or ""} if tag == "a" else set()
        self.fetched |= {given[FETCHED[tag]] or ""} if FETCHED.get(tag) in given else set()


@pytest.fixture(scope="module")
def site(services: tuple[Service, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "out"
    write_site(services, out, CHECKOUT)
    return out


@cache
def page(file: Path) -> Page:
    return Page(file.read_text(encoding="utf-8"))


def test_every_link_and_every_search_result_leads_somewhere(site: Path) -> None:
    files = list(site.rglob("*.html"))
    assert len(files) == 3 + len(EVENTS)
    index = json.loads((site / "search.js").read_text().removeprefix("window.searchIndex = ").rstrip(";\n"))
    links = [(file.parent, link) for file in files for link in page(file).links | page(file).fetched]
    links += [(site, entry["url"]) for entry in index]
    for folder, link in links:
        path, anchor = urldefrag(link)
        if path.startswith("data:") or not path:
            continue
        target = folder / path
        assert target.is_file(), link
        assert not anchor or anchor in page(target).ids, link
    for file in files:
        own = {link.removeprefix("#") for link in page(file).links if link.startswith("#")}
        assert own <= page(file).ids


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for file in site.rglob("*.html"):
        assert not [address for address in page(file).fetched | page(file).links if "//" in address]
    assert not re.search(r"url\(|@import", (site / "style.css").read_text())


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.__name__)
def test_an_events_page_has_all_of_it(site: Path, services: tuple[Service, ...], event: type[Event]) -> None:
    text = (site / "events" / f"{event.hyphenated()}.html").read_text(encoding="utf-8")
    anchors = Page(text).ids
    assert event.type in text
    assert {f"{event.__name__}.{name}" for name in event.model_fields} <= anchors
    assert {"example", "failure", "versions"} <= anchors
    for service in services:
        if event in published_by(service) or event in [consumer.event for consumer in service.consumers]:
            assert service.name in text
    for service in services:
        if event in [consumer.event for consumer in service.consumers]:
            assert f"{service.name}.dead" in text


def test_the_picture_names_every_event_with_whoever_says_and_hears_it(documents: dict[str, str]) -> None:
    picture = documents[PICTURE]
    assert "DnsConfigured goes from dns to deploy" in picture
    assert "ProvisioningFailed goes from dns and deploy and bootstrap to notify" in picture
    for kind, name in (("go", "CoreHealthy"), ("bad", "ProvisioningFailed"), ("undo", "DnsReleased")):
        assert re.search(rf'<g class="{kind}">((?!</g>).)*>{name}</text>', picture, re.DOTALL)
    assert re.search(r'<g class="any">((?!</g>).)*>DeadLetterHandled</text>', picture, re.DOTALL)
    assert all(f">{event.__name__}</text>" in picture for event in EVENTS.values())


def test_a_folder_that_has_something_else_in_it_is_left_alone(services: tuple[Service, ...], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CommandError, match="something else"):
        write_site(services, tmp_path, CHECKOUT)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_an_older_site_is_replaced(services: tuple[Service, ...], tmp_path: Path) -> None:
    write_site(services, tmp_path / "site", CHECKOUT)
    (tmp_path / "site" / "events" / "gone.html").write_text("")
    write_site(services, tmp_path / "site", CHECKOUT)
    assert not (tmp_path / "site" / "events" / "gone.html").exists()
