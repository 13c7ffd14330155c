"""What notify writes down."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import Table, enum_type


class MailRecipient(StrEnum):
    """To whom a mail goes; the address stands in the order or in the settings, never here."""

    CUSTOMER = "customer"
    CASE_WORKER = "case_worker"


class Mail(Table):
    """A mail that was to be sent. Owner: notify. Written before it is sent; `sent_at` is when the 250 came.

    `message_id` without its angle brackets. A customer's can be written again: `kind` is its template, `facts` are what
    that was filled with beside the project's own; nothing in them names the customer.
    """

    __tablename__ = "mails"
    message_id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    event_id: Mapped[UUID]
    recipient: Mapped[MailRecipient] = mapped_column(enum_type(MailRecipient, "mail_recipient"))
    subject: Mapped[str]
    sent_at: Mapped[datetime | None]
    kind: Mapped[str | None]
    facts: Mapped[dict[str, Any] | None]

    __table_args__ = (Index("ix_mails_project_id", "project_id"),)
