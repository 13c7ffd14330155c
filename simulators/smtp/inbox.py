"""The mails that arrived, for whoever wants to read them."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from typing import Any

MAX_MAILS = 10_000  # the oldest make room
MAX_BYTES = 10 * 1024 * 1024  # of one mail


@dataclass(frozen=True)
class Mail:
    """One mail; `number` counts from 1 and stays, whatever is dropped."""

    number: int
    received: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    parsed: dict[str, Any]

    def row(self) -> dict[str, Any]:
        """The mail as JSON: envelope, time (UTC), and what its headers and bodies say."""
        return {
            "number": self.number,
            "received": self.received.isoformat(),
            "from": self.sender,
            "to": list(self.recipients),
            **self.parsed,
        }


class Inbox:
    """All mails since the start or the last emptying, oldest first."""

    def __init__(self) -> None:
        self._mails: deque[Mail] = deque(maxlen=MAX_MAILS)
        self._numbers = count(1)

    def __iter__(self) -> Iterator[Mail]:
        return iter(self._mails)

    def get(self, number: int) -> Mail | None:
        """The mail of this number, unless it is gone."""
        return next((mail for mail in self._mails if mail.number == number), None)

    def add(self, *, sender: str, recipients: Sequence[str], raw: bytes) -> None:
        """Keep a mail."""
        self._mails.append(Mail(next(self._numbers), datetime.now(UTC), sender, tuple(recipients), raw, _parse(raw)))

    def clear(self) -> None:
        """Forget all mails; numbers go on."""
        self._mails.clear()


def _parse(raw: bytes) -> dict[str, Any]:
    """What a mail program would show; None for what is missing or unreadable. Of equal headers the last counts."""
    message = message_from_bytes(raw, policy=policy.default)
    headers = {name: str(value) for name, value in message.items()}
    return {
        "subject": message["subject"],
        "message_id": message["message-id"],
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
        "headers": headers,
    }


def _body(message: EmailMessage, kind: str) -> str | None:
    body = message.get_body((kind,))
    if body is None:
        return None
    try:
        return str(body.get_content())
    except (LookupError, ValueError):  # an unknown charset or transfer encoding
        return None
