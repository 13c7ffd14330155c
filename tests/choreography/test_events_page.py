"""docs/events.md names every event, and its links name tests that there are."""

import re
from pathlib import Path

import pytest

from contracts import EVENTS, Event

HERE = Path(__file__)
PAGE = (HERE.parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
LINKS = {
    (file, f"test_{sentence.lower().replace(' ', '_')}")
    for sentence, file in re.findall(r"\[([^\]]+)\]\(\.\./(tests/[\w/]+\.py)\)", PAGE)
}


@pytest.mark.parametrize("event", EVENTS.values())
def test_the_page_tells_of_each_event(event: type[Event]) -> None:
    assert re.search(rf"^##.*\b{event.__name__}\b", PAGE, re.MULTILINE)
    assert f"`{event.type}`" in PAGE


def test_each_link_names_a_test() -> None:
    assert {(file, name) for file, name in LINKS if name not in names_in(HERE.parents[2] / file)} == set()


OF_THE_WHOLE = {
    f"test_{subject}.py"
    for subject in (
        *("adopted", "desk_in_services", "forgotten_everywhere", "in_a_browser", "least_privilege", "offers"),
        *("personal_data", "recover", "scaled_out", "secrets_stay_secret", "traces", "two_versions", "webhooks_kept"),
    )
}
"""What they show is true of all events and stands on pages of its own: data, access, backup, monitoring, …"""


def test_each_test_of_the_choreography_is_linked() -> None:
    there = {
        (f"tests/choreography/{path.name}", name)
        for path in HERE.parent.glob("test_*.py")
        if path != HERE and path.name not in OF_THE_WHOLE
        for name in names_in(path)
    }
    assert there
    assert there - LINKS == set()


def names_in(path: Path) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
