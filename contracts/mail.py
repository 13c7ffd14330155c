"""What is said of mail under a customer's domain: wanted, records to set, ready, undone."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StrictBool, StringConstraints

from contracts.event import NO_CONTROL_CHARACTERS, WHOLE_NUMBER, Event, Facts, HostName, ServiceName, Text
from contracts.failure import CustomerText

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"

OwnerName = Annotated[str, StringConstraints(max_length=253, pattern=rf"^(?:{_LABEL}\.)+{_LABEL}$")]
"""The name at which a record stands: as a host name, with underscores (``_dmarc.kunde.example``)."""

Content = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=NO_CONTROL_CHARACTERS)]
"""A record's content in one piece, without quotes; a DKIM key is longer than other texts."""


class MailRecordType(StrEnum):
    """The types of the records that mail needs."""

    TXT = "TXT"
    CNAME = "CNAME"
    MX = "MX"


class MailRecord(Facts):
    """One record: absolute name without trailing dot, content without quotes, TTL in seconds."""

    name: OwnerName
    """The absolute name, without a trailing dot."""
    type: MailRecordType
    """The record's type."""
    content: Content
    """The text, or the name that a CNAME or MX points to, without a trailing dot."""
    priority: Annotated[int, Field(ge=0, le=65_535), WHOLE_NUMBER] | None = None
    """Of an MX: the lower, the sooner it is tried; absent with other types."""
    ttl: Annotated[int, Field(ge=300, le=864_000), WHOLE_NUMBER] = 300
    """Seconds for which resolvers may keep it."""


class MailProblem(StrEnum):
    """What keeps mail under a domain from being sent, or from being believed."""

    NO_NAME_SERVERS = "no_name_servers"
    MISSING = "missing"
    OTHER_VALUE = "other_value"
    NOT_EVERYWHERE = "not_everywhere"
    SPF_TWICE = "spf_twice"
    SPF_BROKEN = "spf_broken"
    SPF_TOO_MANY_LOOKUPS = "spf_too_many_lookups"
    DMARC_TWICE = "dmarc_twice"
    MX_ELSEWHERE = "mx_elsewhere"
    NAME_SERVER_SILENT = "name_server_silent"
    NOT_VERIFIED = "not_verified"


class MailFinding(Facts):
    """One thing that is wrong: where, what is there now, what must be there."""

    problem: MailProblem
    """The kind of problem, for programs."""
    name: OwnerName
    """The name at which the record stands, or should."""
    type: MailRecordType
    """The record's type."""
    found: tuple[Content, ...] = ()
    """What is there now; empty if there is nothing."""
    wanted: tuple[Content, ...] = ()
    """What must be there; empty if that is the customer's to decide."""
    text: CustomerText
    """What is wrong and what to do, in plain words."""


class MailDomainRequested(Event):
    """Mail is to be sent under a domain of the project: sender domain, DKIM, SPF, DMARC, and MX if wanted.

    Asked for again it does no harm: what has changed is set right. Without ``mx`` an MX that was set before goes.
    """

    type: ClassVar[str] = "vrs.maildomain.requested.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DNS,)

    domain: HostName
    """The domain, a host name of the project's that is no name under a base domain."""
    mx: StrictBool = False
    """Whether mail to the domain is to be taken, too."""
    requested_by: Text
    """Who asked for it: a person or a system."""


class MailRecordsNeeded(Event):
    """Records for mail are missing or wrong, and provisioning cannot set them.

    dns looks again by itself and goes on when all is right. It says so again after days: a ``reminder``.
    """

    type: ClassVar[str] = "vrs.mailrecords.needed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    domain: HostName
    """The domain."""
    is_ours: StrictBool
    """Whether its zone is in our account: then a case worker must mend it, else the customer."""
    records: tuple[MailRecord, ...]
    """Everything that must stand there in the end."""
    findings: Annotated[tuple[MailFinding, ...], Field(min_length=1)]
    """Everything that is wrong today, in the order in which to mend it."""
    reminder: Annotated[int, Field(ge=0), WHOLE_NUMBER] = 0
    """0 when it is said for the first time, then 1, 2, …"""


class MailDomainReady(Event):
    """Mail can be sent under the domain: its records answer everywhere, and Brevo has verified them."""

    type: ClassVar[str] = "vrs.maildomain.ready.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    domain: HostName
    """The domain."""
    mx: StrictBool
    """Whether mail to the domain is taken, too."""
    records: Annotated[tuple[MailRecord, ...], Field(min_length=1)]
    """The records that answer."""
    spf_lookups: Annotated[int, Field(ge=0, le=10), WHOLE_NUMBER]
    """How many of the ten DNS lookups that SPF allows (RFC 7208) are used."""


class MailDomainReleased(Event):
    """The project was cancelled: what provisioning had set for mail under the domain is gone."""

    type: ClassVar[str] = "vrs.maildomain.released.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)

    domain: HostName
    """The domain."""
    records: tuple[MailRecord, ...]
    """The records that were deleted, or that lost our part."""
    sender_removed: StrictBool
    """Whether the sender domain at Brevo was removed; not if it was there before."""
