"""What is known of a rehearsed message from outside, and what that says of the consumer. No I/O."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ops.conformance.stream import Case, Outcome


class Mark(StrEnum):
    """What a case says of the consumer. `UNKNOWN`: from outside it cannot be told."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Observed:
    """One message as the broker and the consumer's answers show it.

    `not_taken`: it was never delivered. `put_back`: it was delivered and came back, by a nack with requeue or because
    its consumer went away before the ack. `dead`: it came to the dead-letter queue that was named. `unreadable` counts
    its answers that name no outcome.
    """

    answers: list[Outcome] = field(default_factory=list)
    not_taken: bool = False
    put_back: bool = False
    dead: bool = False
    unreadable: int = 0

    @property
    def has_answered(self) -> bool:
        """Whether its consumer has said anything about it."""
        return bool(self.answers or self.unreadable)

    @property
    def outcome(self) -> Outcome | None:
        """What became of it, by its first answer, else by its dead letter."""
        return self.answers[0] if self.answers else Outcome.REFUSED if self.dead else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case's mark and the reason for it."""

    case: Case
    mark: Mark
    reason: str


def judge(case: Case, observed: Sequence[Observed], *, gone: bool) -> Verdict:
    """Judge a case by what was observed of each of its messages; `gone`: nobody consumed at its end."""
    total = len(observed)
    outcomes = Counter(each.outcome for each in observed)
    if gone:
        return Verdict(case, Mark.FAILED, "the consumer is gone: it has crashed, or closed its channel")
    if back := sum(each.put_back for each in observed):
        return Verdict(
            case, Mark.FAILED, f"{back} of {total} came back: put back with requeue, they would come again for ever"
        )
    if waiting := sum(each.not_taken for each in observed):
        return Verdict(case, Mark.FAILED, f"{waiting} of {total} were not taken: what it took before is not acked")
    contradicted = sum(each.dead and each.outcome is not Outcome.REFUSED for each in observed)
    if contradicted:
        return Verdict(case, Mark.FAILED, f"{contradicted} of {total} are dead letters, though answered otherwise")
    if unreadable := sum(each.unreadable for each in observed):
        known = "|".join(Outcome)
        return Verdict(
            case, Mark.FAILED, f'answers that cannot be read: {unreadable}; expected {{"outcome": "{known}"}}'
        )
    told = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in Outcome if outcomes[outcome])
    if any(outcome is not None and outcome not in case.right for outcome in outcomes):
        expected = " or ".join(outcome for outcome in Outcome if outcome in case.right)
        return Verdict(case, Mark.FAILED, f"{told}; right is {expected}")
    if outcomes[None]:
        return Verdict(
            case, Mark.UNKNOWN, f"{outcomes[None]} of {total} taken without an answer" + (f"; {told}" if told else "")
        )
    return Verdict(case, Mark.PASSED, told)
