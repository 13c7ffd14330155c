"""What dns says of a domain that it registers for a customer: begun, held until a case worker decides, done."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StrictBool

from contracts.event import WHOLE_NUMBER, Event, HostName, ServiceName, Text, Timestamp

Cents = Annotated[int, Field(ge=0), WHOLE_NUMBER]
"""An amount of money in cents of euros."""


class RegistrationHold(StrEnum):
    """Why a registration waits for a person."""

    CONTACT_INCOMPLETE = "contact_incomplete"
    TAKEN = "taken"
    TOO_EXPENSIVE = "too_expensive"
    NO_CREDIT = "no_credit"
    REFUSED = "refused"


class DomainRegistrationRequested(Event):
    """A domain is to be registered for the project. dns says so to itself, and registers it beside the order."""

    type: ClassVar[str] = "vrs.registration.requested.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DNS,)

    domain: HostName
    """The domain."""
    max_cents: Cents
    """What the first year may cost us without asking a case worker."""


class DomainRegistrationHeld(Event):
    """A registration cannot go on by itself: a case worker is asked, the order waits. Nothing was paid.

    Said once for each reason. With `no_credit` dns goes on by itself when the account at INWX has been topped up, with
    every other reason when the case worker has answered (`vrs domains register`).
    """

    type: ClassVar[str] = "vrs.registration.held.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    domain: HostName
    """The domain."""
    reason: RegistrationHold
    """Why, for programs."""
    message: Text
    """Why, in English words for case workers."""
    cents: Cents | None = None
    """What the first year would cost us, if that is known."""


class DomainRegistered(Event):
    """The domain is registered and leads to our name servers."""

    type: ClassVar[str] = "vrs.domain.registered.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    domain: HostName
    """The domain."""
    cents: Cents
    """What the first year has cost us."""
    expires_at: Timestamp | None = None
    """When the registration ends unless it is renewed; absent if the registry has not said so."""
    is_renewed: StrictBool
    """Whether it is renewed by itself."""
