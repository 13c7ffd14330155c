"""What the marketplace asks of notify: a mail is to be sent once more."""

from typing import ClassVar

from contracts.event import Event, ServiceName, Text


class MailResendRequested(Event):
    """Somebody wishes that a mail to the project's customer is sent once more, to the address that is known now.

    Each wish is one mail under a Message-ID of its own, however often the event comes.
    """

    type: ClassVar[str] = "vrs.resend.requested.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    mail: Text
    """The mail's Message-ID, without its angle brackets."""
    requested_by: Text
    """Who wishes it: a person or a system."""
