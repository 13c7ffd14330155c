"""The moments of an event's life at which a process may die, each with a name.

A test process sets an observer, which may kill its process (`SIGKILL`) at one of them; tests/crash does so at each.
In production there is no observer and no setting that could bring one.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

Observer = Callable[["CrashPoint", Iterable[Any] | None], None]

_observer: Observer | None = None


class CrashPoint(StrEnum):
    """In the order in which an event meets them. "Written" is right before a commit, "committed" right after it."""

    DELIVERED = "delivered"
    """The broker has handed the message over, nothing is known of it here."""
    CLAIM_WRITTEN = "claim written"
    """Where nothing else is written with it, it stands already."""
    CLAIM_COMMITTED = "claim committed"
    """The step is in the waiting room, the message is not acked: it comes again, and is a duplicate."""
    BEFORE_ACK = "before ack"
    """The try has begun as well."""
    ACKED = "acked"
    """The step is the database's alone."""
    TAKE_WRITTEN = "take written"
    TAKEN = "taken"
    """What was due, or had an expired lease, has a new token and no try yet."""
    LEASE_RENEWED = "lease renewed"
    RECORD_WRITTEN = "record written"
    RECORD_COMMITTED = "record committed"
    """An intent, a reservation or an id is written down; what it is about is not done, or not used."""
    BEFORE_CALL = "before call"
    AFTER_CALL = "after call"
    """A vendor has answered over HTTP and nothing of it is written down."""
    BEFORE_QUERY = "before query"
    AFTER_QUERY = "after query"
    """A name server has answered."""
    BEFORE_MAIL = "before mail"
    MAIL_TAKEN = "mail taken"
    """The mail server has answered 250 to DATA and we have not committed that: the only effect without a way to ask
    whether it took place, so the mail is sent again, under the same Message-ID."""
    ENDING_WRITTEN = "ending written"
    ENDING_COMMITTED = "ending committed"
    """The try's outcome stands: completed, waiting, parked or dead. Its events wait in the outbox."""
    SWEEP_WRITTEN = "sweep written"
    SWEPT = "swept"
    """Outbox rows whose lease had ended are ours, and not said again yet."""
    BEFORE_PUBLISH = "before publish"
    PUBLISHED = "published"
    """The group is on its way to the broker, no confirm has come."""
    CONFIRMED = "confirmed"
    """The broker has the messages, the outbox still has their rows."""
    REMOVAL_WRITTEN = "removal written"
    REMOVED = "removed"
    """The outbox rows are gone."""


def observe(observer: Observer | None) -> None:
    """Have `observer` called at each point from now on. For test processes."""
    global _observer  # noqa: PLW0603 - one process, one observer
    _observer = observer


def reached(point: CrashPoint, about: Iterable[Any] | None = None) -> None:
    """Tell the observer, if there is one.

    `about` is what the point concerns, as whoever calls has it at hand: deliveries, jobs, steps, rows, messages or
    ids of outbox rows. Without it, it is the step that runs in this context.
    """
    if _observer is not None:
        _observer(point, about)
