"""Judges a snapshot: nothing lost, nothing twice, nothing stuck, nothing left behind, each story whole."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.chaos.effects import effects
from tests.chaos.findings import Finding, Wrong
from tests.chaos.letters import dead_letters, mails
from tests.chaos.snapshot import Snapshot
from tests.chaos.stories import stories


@dataclass(frozen=True, slots=True)
class Judgement:
    """`second_mails` are allowed copies of mails, by what explains them. `deaths` are explained ones too."""

    findings: tuple[Finding, ...]
    live: int
    cancelled: int
    deaths: int
    second_mails: dict[str, int]

    @property
    def counts(self) -> dict[Wrong, int]:
        """How often each promise was broken."""
        found = Counter(finding.wrong for finding in self.findings)
        return {wrong: found[wrong] for wrong in Wrong}


def judge(snapshot: Snapshot) -> Judgement:
    """Check everything. No I/O."""
    cancelled = {project for project, _ in snapshot.cancelled}
    live = snapshot.ordered.keys() - cancelled
    posted = mails(snapshot, live)
    findings = [
        *_states(snapshot, live, cancelled),
        *_stuck(snapshot),
        *effects(snapshot, live, cancelled),
        *posted.findings,
        *dead_letters(snapshot),
        *stories(snapshot, live, cancelled),
    ]
    return Judgement(
        tuple(findings),
        live=len(live),
        cancelled=len(cancelled),
        deaths=sum(row["status"] == "dead" for row in snapshot.tables["provisioning_log"]),
        second_mails=posted.second,
    )


def _states(snapshot: Snapshot, live: set[str], cancelled: set[str]) -> Iterator[Finding]:
    """Each order has come to its end: live, or cancelled if anybody asked for that."""
    for project in snapshot.ordered:
        row = next(iter(snapshot.of("projects", project)), None)
        if row is None:
            if project in live:
                yield Finding(Wrong.LOST, project, "nobody knows it", "table projects, dns.log")
            continue  # cancelled before it was known: it need not exist
        wanted = "live" if project in live else "cancelled"
        if row["provisioning_state"] != wanted:
            what = f"it is {row['provisioning_state']}, not {wanted}"
            yield Finding(Wrong.STUCK, project, what, f"vrs log {project}, open_steps")
        if row["step_due_at"] is not None:
            yield Finding(Wrong.STORY, project, "it is at its end and a step is due", "table projects")
    for project in cancelled:
        if not snapshot.of("cancellations", project):
            yield Finding(Wrong.LOST, project, "its cancellation left no mark", "table cancellations, marketplace.log")


def _stuck(snapshot: Snapshot) -> Iterator[Finding]:
    """Nothing waits anywhere."""
    for step in snapshot.tables["open_steps"]:
        what = f"{step['consumer']} is {step['state']}: {step['reason']}"
        yield Finding(Wrong.STUCK, str(step["project_id"]), what, "table open_steps")
    for row in snapshot.tables["outbox"]:
        what = f"{row['owner']} has not said {row['routing_key']}, {row['attempts']} tries"
        yield Finding(Wrong.STUCK, "unknown", what, f"table outbox, {row['owner']}.log")
    for queue, depth in snapshot.queues.items():
        if depth:
            yield Finding(Wrong.STUCK, "unknown", f"{depth} messages lie in {queue}", f"queue {queue}")


__all__ = ["Finding", "Judgement", "Wrong", "judge"]
