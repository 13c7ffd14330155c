"""The alert rules and the dashboard ask for what services show."""

import json
import re
from pathlib import Path

import pytest

from contracts import ServiceName
from shared.metrics import REGISTRY

MONITORING = Path(__file__).parents[2] / "monitoring"
SHOWN = {family.name for family in REGISTRY.collect()}
SUFFIXES = re.compile(r"_(total|bucket|sum|count)$")


@pytest.mark.parametrize("file", ["alerts.yml", "dashboard.json"])
def test_every_metric_that_is_asked_for_is_one_that_a_service_shows(file: str) -> None:
    asked = set(re.findall(r"\bvrs_[a-z_]+", (MONITORING / file).read_text()))
    assert len(asked) > 5
    assert {SUFFIXES.sub("", name) for name in asked} <= SHOWN


def test_each_service_is_scraped_by_its_name_and_missed_when_it_is_stopped() -> None:
    names = [each.value for each in ServiceName]
    config, rules = ((MONITORING / file).read_text() for file in ("prometheus.yml", "alerts.yml"))
    scraped = re.search(r"names: \[([a-z, ]+)\]", config)
    assert scraped is not None
    assert sorted(scraped[1].split(", ")) == sorted(names)
    assert sorted(re.findall(r'absent\(up\{job="vrs", app="([a-z]+)"\}\)', rules)) == sorted(names)


def test_commands_that_ask_a_vendor_are_told_with_the_service_that_has_its_settings() -> None:
    for file in (MONITORING / "alerts.yml", *(MONITORING.parent / "docs").glob("monitoring.md")):
        commands = re.findall(r"vrs (?:doctor|reconcile)\b[^`;,.\"]*", file.read_text())
        assert commands
        whole = re.compile(r"vrs (doctor (--queues|[a-z]+$|SERVICE|\{\{)|reconcile --service )")
        assert [each for each in commands if not whole.match(each.strip())] == [], file.name


def test_every_metric_is_explained() -> None:
    page = (MONITORING.parent / "docs" / "monitoring.md").read_text()
    assert [name for name in SHOWN if name.startswith("vrs_") and name not in page] == []


def test_every_alert_and_every_vendor_is_explained() -> None:
    page = (MONITORING.parent / "docs" / "monitoring.md").read_text()
    alerts = re.findall(r"- alert: (\w+)", (MONITORING / "alerts.yml").read_text())
    assert [alert for alert in alerts if f"`{alert}`" not in page] == []
    sources = [*(MONITORING.parent / "services").rglob("*.py"), *(MONITORING.parent / "shared").rglob("*.py")]
    calls = re.compile(r"(?:vendor=|vendor_call\()\"([^\"]+)\"")
    vendors = {vendor for source in sources for vendor in calls.findall(source.read_text())}
    assert {"inwx", "brevo", "coolify", "smtp"} < vendors
    assert [vendor for vendor in vendors if page.count(f"`{vendor}`") < len(("metric", "span"))] == []


def test_the_dashboard_shows_everything_that_is_counted() -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ()))
    unseen = {name for name in SHOWN if name.startswith("vrs_") and name not in asked}
    by_alert = {"vrs_background_failing", "vrs_database_up", "vrs_ready", "vrs_webhooks_switched_off"}
    assert unseen == by_alert, "alerts alone are enough for these"
