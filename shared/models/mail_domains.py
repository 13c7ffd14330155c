"""Domains under which projects send mail."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import HostNameType, Table, enum_type


class MailSender(StrEnum):
    """Where a sender domain at Brevo comes from."""

    INTENDED = "intended"  # about to be made, or made without an answer
    MADE = "made"
    FOUND = "found"  # it was there before, and stays


class MailDomain(Table):
    """A domain under which a project's mail is sent. Owner: dns; the marketplace tells how far it is.

    `sender` is null before anything is known of it at Brevo; `ownership` and `dkim` are what Brevo wants to see in the
    zone. `findings` are those of `MailRecordsNeeded`, `reminders` counts those that were due and is null before it is
    said at all. `asked_at` is when Brevo was last asked to look.
    """

    __tablename__ = "mail_domains"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(HostNameType(), primary_key=True)
    mx: Mapped[bool]
    sender: Mapped[MailSender | None] = mapped_column(enum_type(MailSender, "mail_sender"))
    intended_at: Mapped[datetime | None]
    ownership: Mapped[str | None]
    dkim: Mapped[list[Any]]
    findings: Mapped[list[Any]]
    reminders: Mapped[int | None]
    asked_at: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]
