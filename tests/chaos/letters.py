"""Checks mails and dead letters: which of them need an explanation, and whether there is one."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.chaos.faults import Vendor
from tests.chaos.findings import Finding, Wrong
from tests.chaos.pace import MINUTES
from tests.chaos.plan import Kind
from tests.chaos.snapshot import Row, Snapshot, moment

COMMIT_WITHIN = timedelta(seconds=5)
"""How long after its 250 a mail's commit may be under way on a busy machine."""

LONGEST_COMMIT = timedelta(seconds=MINUTES.lease)
"""A try that has its 250 may wait for its commit as long as its lease lasts: the database is busy, a row is locked."""

TOLD = {
    "vrs.project.ordered.v1": "nobody told the customer that the order has arrived",
    "vrs.domain.registered.v1": "nobody told the customer that the domain is registered",
    "vrs.core.healthy.v1": "nobody told the customer that it is live",
    "vrs.maildomain.ready.v1": "nobody told the customer that mail can be sent",
}
"""What the customer of a live project was told, by the event that had it told."""

TOLD_ONCE = (*TOLD, "vrs.project.cancelled.v1")

KNOBS = {
    "deployment_failed": ("fail_deployments", "restart_seconds", "reachable", "unhealthy"),
    "deployment_stuck": ("stick_deployments",),
}
"""Dead letter codes that follow from a state of Coolify, and the faults that bring it about."""


@dataclass(frozen=True, slots=True)
class Mails:
    """`second` copies: how many mails came again, by what explains it."""

    findings: tuple[Finding, ...]
    second: dict[str, int]


def mails(snapshot: Snapshot, live: set[str]) -> Mails:
    """Each mail that notify says it sent has arrived, none that it did not write down, none twice without reason.

    Whose project is live has been told.
    """
    inbox: defaultdict[str, list[Row]] = defaultdict(list)
    for mail in snapshot.inbox:
        inbox[str(mail["message_id"]).strip("<>")].append(mail)
    rows = {row["message_id"]: row for row in snapshot.tables["mails"]}
    findings: list[Finding] = []
    for message_id, row in rows.items():
        if row["sent_at"] is not None and message_id not in inbox:
            what = f"the mail {message_id} ({row['subject']}) was never received"
            findings.append(Finding(Wrong.LOST, str(row["project_id"]), what, "smtp /inbox, table mails"))
    told_of = {str(row["event_id"]) for row in rows.values() if row["message_id"] in inbox}
    findings += [
        Finding(Wrong.LOST, event.project_id, TOLD[event.type], "smtp /inbox, table mails")
        for event in snapshot.heard.values()
        if event.type in TOLD and event.project_id in live and event.id not in told_of
    ]
    findings += [
        Finding(Wrong.DOUBLED, "unknown", f"nobody wrote down the mail {message_id}", "table mails")
        for message_id in inbox.keys() - rows.keys()
    ]
    told = Counter(
        (str(row["project_id"]), row["recipient"], row["subject"], event.type)
        for row in rows.values()
        if row["message_id"] in inbox and (event := snapshot.heard.get(str(row["event_id"]))) is not None
    )
    for (project, recipient, subject, kind), times in told.items():
        if times > 1 and kind in TOLD_ONCE:
            what = f"{recipient} was told {subject!r} {times} times under different message ids"
            findings.append(Finding(Wrong.DOUBLED, project, what, "smtp /inbox, table mails"))
    second: Counter[str] = Counter()
    for message_id, copies in inbox.items():
        copies.sort(key=moment_received)
        for before, after in pairwise(copies):
            reason = _why_twice(snapshot, rows.get(message_id), before, after)
            if reason:
                second[reason] += 1
                continue
            project = str(rows[message_id]["project_id"]) if message_id in rows else "unknown"
            what = f"the mail {message_id} came at {before['received']} and again at {after['received']}"
            findings.append(Finding(Wrong.DOUBLED, project, what, f"notify.log, vrs log {project}"))
    return Mails(tuple(findings), dict(second))


def moment_received(mail: Row) -> datetime:
    """When the simulator took it."""
    return moment(mail, "received")


def _why_twice(snapshot: Snapshot, row: Row | None, before: Row, after: Row) -> str | None:
    """What kept the 250 from being written down; None if nothing is known that did."""
    sent, again = moment_received(before), moment_received(after)
    for hit in snapshot.struck[Vendor.SMTP]:
        if (
            hit["kind"] in ("lost_answer", "slow")
            and abs(moment(hit) - sent) < COMMIT_WITHIN * 2
            and hit["call"] == "DATA"
        ):
            return "the 250 was lost"
    for interruption in snapshot.interruptions:
        hits = interruption.target in ("database", "notify", "notify>database")
        between = interruption.began - LONGEST_COMMIT <= sent <= interruption.ended + COMMIT_WITHIN
        if hits and between and interruption.began < again:
            return f"{interruption.kind}, between 250 and commit"
    if row is not None:
        for log in snapshot.of("provisioning_log", str(row["project_id"])):
            late = str(log["detail"].get("code", "")) in ("smtp_timeout", "smtp_unreachable")
            if str(log["event_id"]) == str(row["event_id"]) and late and sent - COMMIT_WITHIN < log["at"] < again:
                return "the 250 came too late"
    return None


def dead_letters(snapshot: Snapshot) -> Iterator[Finding]:
    """Each death in the log has a letter that came to its queue, and a fault that explains it."""
    deaths = [row for row in snapshot.tables["provisioning_log"] if row["status"] == "dead"]
    logged = {row["detail"].get("dead_letter_id") for row in deaths}
    for row in deaths:
        if row["detail"].get("dead_letter_id") not in snapshot.letters:
            what = f"{row['consumer']} died ({row['detail'].get('code')}), its letter came to no queue"
            yield Finding(Wrong.LOST, str(row["project_id"]), what, f"vrs log {row['project_id']}")
    for letter in snapshot.letters.values():
        if letter.id not in logged:
            what = f"a letter of {letter.consumer} ({letter.code}) that no log row knows"
            yield Finding(Wrong.DEAD_LETTER, letter.project_id, what, f"vrs log {letter.project_id}")
    explained = _refusals(snapshot)
    for row in sorted(deaths, key=lambda row: row["id"]):
        code = str(row["detail"].get("code"))
        if code in KNOBS:
            if _was_so(snapshot, KNOBS[code], row["at"]):
                continue
        elif any(at <= row["at"] for at in explained[code]):
            explained[code].remove(min(explained[code]))  # one refusal kills one step
            continue
        what = f"{row['consumer']} died: {code}: {row['message']}"
        yield Finding(Wrong.DEAD_LETTER, str(row["project_id"]), what, f"vrs log {row['project_id']}")


def _refusals(snapshot: Snapshot) -> defaultdict[str, list[datetime]]:
    found: defaultdict[str, list[datetime]] = defaultdict(list)
    for vendor, hits in snapshot.struck.items():
        for hit in hits:
            if hit["kind"] == "refused":
                found[f"{vendor}_{hit['code']}"].append(moment(hit))
    return found


def _was_so(snapshot: Snapshot, knobs: tuple[str, ...], died: datetime) -> bool:
    return any(
        interruption.kind is Kind.VENDOR and any(knob in interruption.what for knob in knobs)
        for interruption in snapshot.interruptions
        if interruption.began.astimezone(UTC) <= died
    )
