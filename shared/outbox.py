"""What is committed to be said: an event's outbox row, and how a synchronous marketplace writes it.

Needs contracts and SQLAlchemy, nothing that runs an event loop: a Flask app imports `publish` from here.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Insert, func, insert, text
from sqlalchemy.orm import Session, scoped_session

from contracts import (
    EVENTS_EXCHANGE,
    CloudEvent,
    MailDomainRequested,
    PluginsChanged,
    ProjectCancelled,
    ProjectOrdered,
    ServiceName,
    uuid7,
)
from shared.marks import MOVE_TO_CANCELLING, SET_MARK, marks
from shared.models import Outbox
from shared.trace_context import TRACEPARENT, current_traceparent

EventT = TypeVar("EventT", ProjectOrdered, PluginsChanged, MailDomainRequested, ProjectCancelled)

_ITS_OWN = (ProjectOrdered, PluginsChanged, MailDomainRequested, ProjectCancelled)
"""What the marketplace says."""

OUTBOX_CHANNEL = "vrs_outbox"
"""PostgreSQL channel on which the services hear at once of rows that others have committed."""

NOTIFY_SERVICES = text(f"NOTIFY {OUTBOX_CHANNEL}")


@dataclass(frozen=True, slots=True)
class Message:
    """An outbox row as it travels. `id` is the AMQP message id; ids in flight on a channel must differ."""

    id: UUID
    exchange: str
    routing_key: str
    body: bytes
    headers: dict[str, Any]
    required: bool


def said(event: CloudEvent[Any]) -> Message:
    """The outbox row of an event."""
    return Message(
        uuid7(),
        EVENTS_EXCHANGE,
        event.data.routing_key(),
        event.encode(),
        {
            "event-id": str(event.id),
            "type": event.type,
            "correlation-id": str(event.correlation_id),
            **({TRACEPARENT: event.traceparent} if event.traceparent else {}),
        },
        bool(event.data.required_by),
    )


def row_of(message: Message, *, owner: ServiceName, lease: timedelta = timedelta()) -> Insert:
    """The statement that writes `message` for `owner`, which says it once `lease` has passed."""
    return insert(Outbox).values(asdict(message) | {"owner": owner.value, "lease_until": func.now() + lease})


def publish(
    session: Session | scoped_session[Any],
    event: EventT,
    *,
    project_id: UUID,
    correlation_id: UUID | None = None,
) -> CloudEvent[EventT]:
    """Say `event` with the caller's transaction: it goes out right after the commit, and not at all after a rollback.

    Writes the row and a NOTIFY through `session` and leaves the commit to the caller; ``vrs run marketplace`` publishes
    it. `project_id` is the project's ``vrs_id``. Without `correlation_id` a new story begins: give an order's own to
    its changes and its cancellation. The trace of the request that is handled goes on in the event (OpenTelemetry).
    With ProjectCancelled the project is marked as cancelled in the same transaction, known or not.
    The engine must not be in AUTOCOMMIT. Returns the event with its new id.

    Raises:
        TypeError: it is another event; those are said by the services.

    """
    if not isinstance(event, _ITS_OWN):
        its_own = ", ".join(each.__name__ for each in _ITS_OWN)
        raise TypeError(f"the marketplace says {its_own}, not {type(event).__name__}")
    whole = CloudEvent.of(
        event,
        source=ServiceName.MARKETPLACE.value,
        project_id=project_id,
        correlation_id=correlation_id,
        traceparent=current_traceparent(),
    )
    if isinstance(event, ProjectCancelled):
        # The project's row before the mark, the order in which services lock them: no deadlock.
        for statement in (MOVE_TO_CANCELLING, SET_MARK):
            session.execute(statement, marks([(project_id, event)]))
    session.execute(row_of(said(whole), owner=ServiceName.MARKETPLACE))
    session.execute(NOTIFY_SERVICES)
    return whole
