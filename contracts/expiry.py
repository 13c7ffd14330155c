"""What is said of things that end soon: a registered domain by dns, a live project's certificate by bootstrap."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StrictBool

from contracts.event import WHOLE_NUMBER, Event, HostName, ServiceName, Text, Timestamp

Days = Annotated[int, Field(ge=0, le=30), WHOLE_NUMBER]
"""The threshold that was passed, in days before the end: 30, 14, 7, 1, or 0 for what has ended."""


class RenewalDoubt(StrEnum):
    """Why a domain may not go on."""

    NOT_RENEWED = "not_renewed"
    NO_CREDIT = "no_credit"
    ENDED = "ended"


class DomainExpiring(Event):
    """A domain that we registered ends soon, and nobody may see to it. Said once for each threshold.

    Of a domain that is renewed by itself only if the account at INWX has too little money for that, or if its end has
    passed all the same.
    """

    type: ClassVar[str] = "vrs.domain.expiring.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    domain: HostName
    """The domain."""
    ends_at: Timestamp
    """When its registration ends, or has ended."""
    days: Days
    """The threshold that was passed."""
    reason: RenewalDoubt
    """Why it may not go on."""
    renews_itself: StrictBool
    """Whether it is to be renewed by itself."""


class CertificateExpiring(Event):
    """The certificate of a live project ends soon: its renewal is overdue. Said once for each threshold."""

    type: ClassVar[str] = "vrs.certificate.expiring.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    host: HostName
    """The host name that it is for."""
    issuer: Text
    """Who has issued it."""
    ends_at: Timestamp
    """When it ends, or has ended."""
    days: Days
    """The threshold that was passed."""
