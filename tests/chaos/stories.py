"""Checks the log: each project's story is whole, linked by cause, told once, and what was said was heard."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from contracts import ProjectCancelled
from tests.chaos.bus import CONSUMERS
from tests.chaos.findings import Finding, Wrong
from tests.chaos.snapshot import Row, Snapshot

CHAIN = (
    ("dns.project-ordered", "vrs.dns.configured.v1"),
    ("deploy.dns-configured", "vrs.app.deployed.v1"),
    ("bootstrap.app-deployed", "vrs.core.healthy.v1"),
    ("notify.core-healthy", None),
)
"""The way to live: each consumer, and the event that its completion says for the next."""

UNDOES = {f"{service}.project-cancelled" for service in ProjectCancelled.undone_by}
DESPITE_CANCELLATION = {
    *(name for name in CONSUMERS if name.endswith(".project-cancelled")),
    "notify.provisioning-failed",
}
ASKED = "vrs.transfer.requested.v1"
"""Said by the market, whose commit may have been answered or not."""

MAIL_UNDONE = "vrs.maildomain.released.v1"
"""Said beside the event that tells of the rest."""

DELAYED = "vrs.provisioning.delayed.v1"
CONVERGED = "vrs.plugins.converged.v1"
SETTLED = ("completed", "superseded", "cancelled")


def emitted(row: Row) -> list[dict[str, Any]]:
    """The events that a log row's step said."""
    return [json.loads(line) for line in bytes(row["emitted"] or b"").splitlines()]


def stories(snapshot: Snapshot, live: set[str], cancelled: set[str]) -> Iterator[Finding]:
    """Check every project's log, then every event against the bus."""
    for project in snapshot.ordered:
        log = snapshot.of("provisioning_log", project)
        yield from _once(project, log)
        yield from _linked(snapshot, project, log)
        if project in live:
            yield from _chain(snapshot, project, log)
        if project in cancelled:
            yield from _undone(snapshot, project, log)
    yield from _converged(snapshot, live)
    yield from _heard(snapshot)
    yield from _handled(snapshot, cancelled)


def _story(project: str, what: str, wrong: Wrong = Wrong.STORY) -> Finding:
    return Finding(wrong, project, what, f"vrs log {project}")


def _once(project: str, log: Any) -> Iterator[Finding]:
    settled = Counter((row["consumer"], row["event_id"]) for row in log if row["status"] in SETTLED)
    for (consumer, event), times in settled.items():
        if times > 1:
            yield _story(project, f"{consumer} settled the event {event} {times} times", Wrong.DOUBLED)
    said = Counter(event["type"] for row in log for event in emitted(row))
    for _, event_type in CHAIN:
        if event_type and said[event_type] > 1:
            yield _story(project, f"{event_type} was said {said[event_type]} times", Wrong.DOUBLED)
    missed = Counter(event["data"]["due_at"] for row in log for event in emitted(row) if event["type"] == DELAYED)
    for date, times in missed.items():
        if times > 1:
            yield _story(project, f"the missed date {date} was told {times} times", Wrong.DOUBLED)


def _linked(snapshot: Snapshot, project: str, log: Any) -> Iterator[Finding]:
    correlation = str(snapshot.ordered[project].correlation_id)
    undo_stories = {event for subject, event in snapshot.cancelled if subject == project}
    for row in log:
        for event in emitted(row):
            cause = None if row["event_id"] is None else str(row["event_id"])  # nobody has claimed the late order
            if event.get("causationid") != cause or event["subject"] != project:
                yield _story(project, f"{event['type']} of {row['consumer']} names another cause or project")
            if event.get("correlationid") not in {correlation, *undo_stories, str(row["correlation_id"])}:
                yield _story(project, f"{event['type']} of {row['consumer']} belongs to another story")


def _chain(snapshot: Snapshot, project: str, log: Any) -> Iterator[Finding]:
    """Follow the causes from the order to the mail."""
    cause = str(snapshot.ordered[project].id)
    for consumer, says in CHAIN:
        row = next(
            (r for r in log if (r["consumer"], r["status"], str(r["event_id"])) == (consumer, "completed", cause)), None
        )
        if row is None:
            yield _story(project, f"{consumer} has not completed the event {cause}")
            return
        if str(row["correlation_id"]) != str(snapshot.ordered[project].correlation_id):
            yield _story(project, f"{consumer} completed it in another story")
        if says is None:
            return
        said = [event for event in emitted(row) if event["type"] == says]
        if len(said) != 1:
            yield _story(project, f"{consumer} completed and said {says} {len(said)} times")
            return
        cause = said[0]["id"]


def _undone(snapshot: Snapshot, project: str, log: Any) -> Iterator[Finding]:
    mark = next(iter(snapshot.of("cancellations", project)), None)
    if mark is None or set(mark["undone"]) < {service.value for service in ProjectCancelled.undone_by}:
        yield _story(project, "its cancellation mark does not say that every part is undone")
    for consumer in sorted(UNDOES):  # once, however many cancellations there were
        undone = [row for row in log if row["consumer"] == consumer and row["status"] == "completed"]
        said = sum(event["type"] != MAIL_UNDONE for row in undone for event in emitted(row))
        if said != 1:
            yield _story(project, f"{consumer} said {said} events of its undoing")


def _converged(snapshot: Snapshot, live: set[str]) -> Iterator[Finding]:
    """Each change of plugins has one outcome; none, if its project was cancelled before there was one."""
    outcomes = Counter(event.cause for event in snapshot.heard.values() if event.type == CONVERGED)
    for project, change in snapshot.changed.items():
        times = outcomes[str(change.id)]
        if times > 1:
            yield _story(project, f"the change of plugins {change.id} came out {times} times", Wrong.DOUBLED)
        if project in live and not times:
            yield _story(project, f"the change of plugins {change.id} never came out", Wrong.LOST)


def _heard(snapshot: Snapshot) -> Iterator[Finding]:
    """What the log says was said and what the bus carried are the same bytes."""
    placed = {str(event.id) for event in snapshot.ordered.values()}
    placed |= {str(event.id) for event in snapshot.changed.values()} | {event for _, event in snapshot.cancelled}
    placed |= snapshot.wishes | {str(event.id) for event in snapshot.mails.values()}
    said: dict[str, bytes] = {}
    for row in snapshot.tables["provisioning_log"]:
        for line in bytes(row["emitted"] or b"").splitlines():
            said[json.loads(line)["id"]] = line
    for event_id, line in said.items():
        heard = snapshot.heard.get(event_id)
        project = json.loads(line)["subject"]
        if heard is None:
            yield Finding(Wrong.LOST, project, f"{json.loads(line)['type']} {event_id} was never heard", "outbox, logs")
        elif heard.body != line or event_id in snapshot.different:
            yield _story(project, f"{heard.type} {event_id} was heard with other bytes than the log has")
    for event_id, heard in snapshot.heard.items():
        if event_id not in said and event_id not in placed and heard.type != ASKED:
            yield _story(heard.project_id, f"{heard.type} {event_id} was heard, and nobody has said it")
    for event_id in placed - snapshot.heard.keys():
        yield Finding(
            Wrong.LOST, "unknown", f"the marketplace's event {event_id} was never heard", "outbox, marketplace.log"
        )


def _handled(snapshot: Snapshot, cancelled: set[str]) -> Iterator[Finding]:
    """Each consumer has settled each event that it must hear, unless a cancellation made it void."""
    settled = {
        (row["consumer"], str(row["event_id"]))
        for row in snapshot.tables["provisioning_log"]
        if row["status"] in SETTLED
    }
    for consumer, contract in CONSUMERS.items():
        for event in snapshot.heard.values():
            if event.type != contract.type or (consumer, event.id) in settled:
                continue
            if event.project_id in cancelled and consumer not in DESPITE_CANCELLATION:
                continue
            yield Finding(
                Wrong.LOST, event.project_id, f"{consumer} never settled {event.id}", f"vrs log {event.project_id}"
            )
