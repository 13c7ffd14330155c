"""What the mails say: one template for each kind and language, rendered as HTML and as plain text.

A template (``live.de.j2``) holds the words once and builds them from the parts of ``parts.html.j2`` or
``parts.txt.j2`` inside ``layout.html.j2`` or ``layout.txt.j2``: the two forms of a mail cannot say different things.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from jinja2 import Environment, PackageLoader, StrictUndefined

from contracts import Locale, ServiceName
from shared.hosts import as_shown

BERLIN = ZoneInfo("Europe/Berlin")

STEPS = {
    ServiceName.MARKETPLACE: "Bestellung",
    ServiceName.DNS: "Domain und DNS",
    ServiceName.DEPLOY: "Installation auf dem Server",
    ServiceName.BOOTSTRAP: "Start von vrs-core",
    ServiceName.NOTIFY: "Benachrichtigung",
}
"""What case workers call the services."""


SEE_STATUS = {Locale.DE: "Stand Ihres Projekts ansehen", Locale.EN: "See where your project stands"}


class Kind(StrEnum):
    """The mails there are; those to case workers exist in German only."""

    ORDERED = "ordered"
    DOMAIN_REGISTERED = "domain_registered"
    LIVE = "live"
    RECORDS_NEEDED = "records_needed"
    DOMAIN_CONNECTED = "domain_connected"
    CAPACITY_NEEDED = "capacity_needed"
    REGISTRATION_HELD = "registration_held"
    MAIL_RECORDS_NEEDED = "mail_records_needed"
    MAIL_RECORDS_WRONG = "mail_records_wrong"
    MAIL_READY = "mail_ready"
    TRANSFER_STARTED = "transfer_started"
    TRANSFER_FAILED = "transfer_failed"
    TRANSFER_FAILED_CUSTOMER = "transfer_failed_customer"
    TRANSFERRED = "transferred"
    WEBHOOK_DISABLED = "webhook_disabled"
    DOMAIN_EXPIRING = "domain_expiring"
    CERTIFICATE_EXPIRING = "certificate_expiring"
    FAILED_CUSTOMER = "failed_customer"
    CANCELLED = "cancelled"
    DELAYED = "delayed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail's content; `subject` is one line."""

    subject: str
    text: str
    html: str


def write(kind: Kind, locale: Locale, **facts: Any) -> Letter:
    """Render the mail; a fact that its template names and that is not given is an error."""
    name = f"{kind}.{locale}.j2"
    text = _TEXT.get_template(name).make_module(facts)
    html = _HTML.get_template(name).render(facts)
    subject = " ".join(str(getattr(text, "subject")).split())  # noqa: B009 - set by the template, unknown to mypy
    return Letter(subject, re.sub(r"\n{3,}", "\n\n", f"{str(text).strip()}\n"), html)


def _in_berlin(time: datetime) -> str:
    return f"{time.astimezone(BERLIN):%d.%m.%Y, %H:%M} Uhr"


def _date(time: str, lang: str) -> str:
    """Of a customer's mail: `time` is as JSON has it."""
    return format_date(datetime.fromisoformat(time).astimezone(BERLIN), "long", locale=lang)


def _environment(form: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("services.notify"),
        autoescape=form == "html",  # noqa: S701 - plain text has nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "layout": f"layout.{form}.j2",
        "parts": f"parts.{form}.j2",
        "steps": STEPS,
        "see_status": SEE_STATUS,
    }
    environment.filters |= {"in_berlin": _in_berlin, "date": _date, "shown": as_shown}
    return environment


_HTML = _environment("html")
_TEXT = _environment("txt")
