"""A contact form: what a visitor wrote, and when somebody will read it. A plugin as a wheel that needs another one."""

from dataclasses import dataclass
from datetime import UTC, datetime

from opening_hours import is_open


@dataclass(frozen=True)
class Message:
    """What a visitor wrote."""

    name: str
    email: str
    text: str

    def answer(self, at: datetime) -> str:
        """What the visitor is told who writes at `at`, a time with a zone."""
        when = "today" if is_open(at) else "as soon as we open"
        return f"Thank you, {self.name}. We answer {when}."


def check() -> None:
    """Raise if this plugin cannot work; vrs-core calls it before it installs it."""
    Message("Anna", "anna@example.org", "Hello").answer(datetime.now(UTC))
