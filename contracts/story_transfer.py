"""A part of the story of `contracts.story`: a name of Erika Schmidt's comes from another registrar."""

from datetime import UTC, datetime
from typing import Any, Protocol

from contracts.cloud_event import CloudEvent
from contracts.domains import DomainAdded
from contracts.event import Event, ServiceName
from contracts.failure import CustomerText
from contracts.transfer import (
    DomainTransferFailed,
    DomainTransferred,
    DomainTransferRequested,
    DomainTransferStarted,
    TransferProblem,
)

_MOVING = "schmidts-brot.example"


class Say(Protocol):
    """Puts facts into their envelope."""

    def __call__(
        self, data: Any, by: ServiceName, when: datetime, number: int, cause: CloudEvent[Any] | None = None
    ) -> CloudEvent[Any]:
        """Say `data` at that time; `number` is the event's in the story."""


def transferred(say: Say, ordered: CloudEvent[Any]) -> tuple[CloudEvent[Any], ...]:
    """The auth code is wrong at first; days after the right one the name is ours, and the project moves to it."""

    def said(data: Event, day: int, number: int, cause: CloudEvent[Any] | None = None) -> CloudEvent[Any]:
        by = ServiceName.DNS if cause else ServiceName.MARKETPLACE
        event = say(data, by, datetime(2027, 3, day, 9, 30, number, 520_000, tzinfo=UTC), number, cause)
        return event.model_copy(update={"correlationid": ordered.id})

    asked_for = said(DomainTransferRequested(domain=_MOVING, max_cents=1500, requested_by="case worker"), 8, 18)
    wrong_code = DomainTransferFailed(
        domain=_MOVING,
        problem=TransferProblem.AUTH_CODE_WRONG,
        message="INWX answered domain.transfer with 2202 Invalid authorization information",
        text=CustomerText(
            de=f"Der Auth-Code für {_MOVING} ist falsch oder abgelaufen. Fordern Sie einen neuen an.",
            en=f"The auth code for {_MOVING} is wrong or has expired. Ask for a new one.",
        ),
        cents=465,
    )
    arrived = DomainTransferred(
        domain=_MOVING, cents=465, expires_at=datetime(2028, 3, 14, 9, 30, 20, tzinfo=UTC), is_renewed=True
    )
    return (
        asked_for,
        said(wrong_code, 8, 19, asked_for),
        said(DomainTransferStarted(domain=_MOVING, cents=465, kept_records=4), 9, 20, asked_for),
        said(arrived, 14, 21, asked_for),
        said(DomainAdded(domain=_MOVING, primary=True), 14, 22, asked_for),
    )
