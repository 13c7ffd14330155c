"""A chapter of the story: a domain of the bakery's comes from another registrar, at the second try."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.cloud_event import CloudEvent
from contracts.event import ServiceName
from contracts.failure import CustomerText
from contracts.storytelling import DataT, said
from contracts.transfer import (
    DomainTransferFailed,
    DomainTransferred,
    DomainTransferRequested,
    DomainTransferStarted,
    TransferProblem,
)

_MOVING = "schmidts-brot.example"


def transferred_domain(story: UUID) -> tuple[CloudEvent[Any], ...]:
    """The events of the chapter, which belongs to the order's `story`."""

    def april(data: DataT, day: int, number: int, cause: CloudEvent[Any] | None = None) -> CloudEvent[DataT]:
        by = ServiceName.DNS if cause else ServiceName.MARKETPLACE
        event = said(data, by, datetime(2027, 4, day, 9, 30, number, 520_000, tzinfo=UTC), number, cause)
        return event.model_copy(update={"correlationid": story})

    asked_for = april(DomainTransferRequested(domain=_MOVING, max_cents=1500, requested_by="case worker"), 5, 29)
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
    ends_at = datetime(2028, 4, 12, 9, 30, 32, tzinfo=UTC)
    return (
        asked_for,
        april(wrong_code, 5, 30, asked_for),
        april(DomainTransferStarted(domain=_MOVING, cents=465, kept_records=4), 6, 31, asked_for),
        april(DomainTransferred(domain=_MOVING, cents=465, expires_at=ends_at, is_renewed=True), 12, 32, asked_for),
    )
