"""What the operators' desk says: somebody did something to a dead letter."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from contracts.event import Event, Text


class DeskActionKind(StrEnum):
    """What an operator can do to a dead letter."""

    REPLAY = "replay"
    EDIT = "edit"
    DISCARD = "discard"
    RESTORE = "restore"
    NOTE = "note"
    TAKE = "take"
    IMPORT = "import"


class DeadLetterHandled(Event):
    """An operator decided about a dead letter; what came of it, the step's own events tell.

    The CloudEvent's subject is the nil UUID if the dead letter names no project.
    """

    type: ClassVar[str] = "vrs.deadletter.handled.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)

    action: DeskActionKind
    """What the operator did."""
    action_id: UUID
    """The same for all dead letters that one command was about."""
    consumer: Text
    """The queue in which the step died, ``<service>.<event>``."""
    event: UUID
    """The id of the event that the step died of."""
    by: Text
    """Who did it."""
    reason: Text | None = None
    """Why, in the operator's words."""
    copy_id: UUID | None = None
    """The event that an edit replaced it by."""
