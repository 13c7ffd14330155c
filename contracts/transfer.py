"""What is said of a domain that comes to us from another registrar: asked for, begun, arrived, failed."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StrictBool

from contracts.event import WHOLE_NUMBER, Event, HostName, ServiceName, Text, Timestamp
from contracts.failure import CustomerText
from contracts.registration import Cents


class TransferProblem(StrEnum):
    """Why a transfer has failed, or waits for a person."""

    AUTH_CODE_WRONG = "auth_code_wrong"
    LOCKED = "locked"
    NOT_ELIGIBLE = "not_eligible"
    REFUSED = "refused"
    EXPIRED = "expired"
    NOT_REGISTERED = "not_registered"
    ALREADY_OURS = "already_ours"
    TOO_EXPENSIVE = "too_expensive"
    NO_CREDIT = "no_credit"
    CONTACT_INCOMPLETE = "contact_incomplete"


class DomainTransferRequested(Event):
    """A domain is to come from another registrar to us, and the project to move to it. Its auth code is in no event."""

    type: ClassVar[str] = "vrs.transfer.requested.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DNS,)

    domain: HostName
    """The domain."""
    max_cents: Cents
    """What the transfer may cost us without asking a case worker."""
    requested_by: Text
    """Who asked for it: a person or a system."""


class DomainTransferStarted(Event):
    """The transfer is ordered and paid for; registry and losing registrar are at it, for days perhaps.

    Some registries ask the owner by mail to confirm it.
    """

    type: ClassVar[str] = "vrs.transfer.started.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    domain: HostName
    """The domain."""
    cents: Cents
    """What the transfer costs us."""
    kept_records: Annotated[int, Field(ge=0), WHOLE_NUMBER]
    """How many records of the customer's, for mail above all, were copied from the old name servers."""


class DomainTransferFailed(Event):
    """The transfer has failed, or cannot begin: nothing is under way, nothing was charged. The project is as before.

    Said once for each problem. With `no_credit` dns goes on by itself when the account at INWX has been topped up, with
    every other problem when a case worker has answered (`vrs domains transfer`).
    """

    type: ClassVar[str] = "vrs.transfer.failed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    domain: HostName
    """The domain."""
    problem: TransferProblem
    """Why, for programs."""
    message: Text
    """Why, in English words for case workers."""
    text: CustomerText
    """Why and what to do, in plain words."""
    cents: Cents | None = None
    """What the transfer would cost us, if that is known."""


class DomainTransferred(Event):
    """The domain is ours to manage, with our name servers; its owner is the customer as before."""

    type: ClassVar[str] = "vrs.domain.transferred.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    domain: HostName
    """The domain."""
    cents: Cents
    """What the transfer has cost us."""
    expires_at: Timestamp | None = None
    """When the registration ends unless it is renewed; absent if the registry has not said so."""
    is_renewed: StrictBool
    """Whether it is renewed by itself."""
