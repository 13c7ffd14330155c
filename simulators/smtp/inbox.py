"""The mails that arrived, for whoever wants to read them."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
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
    headers = {name: _decoded(value) for name, value in message.raw_items()}
    known = {name.lower(): value for name, value in headers.items()}
    return {
        "subject": known.get("subject"),
        "message_id": known.get("message-id"),
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
        "headers": headers,
    }


def _decoded(value: str) -> str:
    unfolded = "".join(value.splitlines()).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(unfolded)))
    except (LookupError, ValueError):  # an unknown charset or a broken encoding
        return unfolded


def _body(message: EmailMessage, kind: str) -> str | None:
    try:
        body = message.get_body((kind,))
        return None if body is None else str(body.get_content()).replace("\r\n", "\n")
    except Exception:  # noqa: BLE001 the email package raises whatever on malformed mail, IndexError among others
        return None
