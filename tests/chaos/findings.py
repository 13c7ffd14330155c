"""What the checker can find."""

from dataclasses import dataclass
from enum import StrEnum


class Wrong(StrEnum):
    """The promises, each by how it is broken. Every one of them must count 0."""

    LOST = "lost"
    DOUBLED = "effects doubled"
    STUCK = "stuck"
    LEFT_BEHIND = "left behind after cancellation"
    DEAD_LETTER = "unexplained dead letters"
    STORY = "log stories inconsistent"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise: of which project, what, and where to look."""

    wrong: Wrong
    project: str
    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.wrong}: project {self.project}: {self.what} (look at {self.where})"
