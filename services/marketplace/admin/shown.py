"""How times, sums and names are written, in the reader's language and in Berlin's time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal
from jinja2 import Environment
from starlette_admin.i18n import get_locale

from services.marketplace.admin import words
from shared.hosts import as_shown, shown_in

BERLIN = ZoneInfo("Europe/Berlin")
SHORT = timedelta(seconds=60)


def when(time: datetime | None) -> str:
    """A moment: the time alone if it is of today."""
    if time is None:
        return ""
    local = time.astimezone(BERLIN)
    if local.date() == datetime.now(BERLIN).date():
        return format_time(local, "HH:mm", locale=get_locale())
    pattern = "d. MMM yyyy, HH:mm" if get_locale() == "de" else "d MMM yyyy, HH:mm"
    return format_datetime(local, pattern, locale=get_locale())


def day(time: Any) -> str:
    """A day without its year."""
    return format_date(time, "d. MMM" if get_locale() == "de" else "d MMM", locale=get_locale())


def date(time: datetime) -> str:
    """A day with its year."""
    return format_date(
        time.astimezone(BERLIN), "d. MMMM yyyy" if get_locale() == "de" else "d MMMM yyyy", locale=get_locale()
    )


def ago(time: datetime | None) -> str:
    """How long ago, or in how long: ``vor 5 Minuten``."""
    if time is None:
        return ""
    return format_timedelta(time - datetime.now(UTC), add_direction=True, locale=get_locale())


def span(seconds: float | timedelta) -> str:
    """A duration in its largest unit; below a minute with a decimal."""
    given = seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
    if given < SHORT:
        return f"{decimal(given.total_seconds())}\N{NO-BREAK SPACE}s"
    return format_timedelta(given, granularity="second", threshold=1.5, locale=get_locale())


def short(seconds: float) -> str:
    """A duration as an axis writes it: ``2 Min.``, ``0,25 s``."""
    if seconds < SHORT.total_seconds():
        return f"{format_decimal(round(seconds, 2), locale=get_locale())}\N{NO-BREAK SPACE}s"
    return format_timedelta(timedelta(seconds=seconds), threshold=2, format="short", locale=get_locale())


def decimal(number: float) -> str:
    """A number with a decimal at most."""
    return format_decimal(round(number, 1), locale=get_locale())


def money(cents: int, currency: str) -> str:
    """A sum of integer cents."""
    return format_currency(Decimal(cents) / 100, currency, locale=get_locale())


def add_to(environment: Environment, root: str) -> None:
    """Let the templates write so; `root` is what paths begin with."""
    environment.filters |= {
        "when": when,
        "day": day,
        "date": date,
        "ago": ago,
        "span": span,
        "money": money,
        "decimal": decimal,
        "host": as_shown,
        "shown_in": shown_in,
        "step_name": words.step_name,
        "part_of_work": words.part_of_work,
    }
    environment.globals |= {"root": root, "words": words, "now": lambda: datetime.now(UTC)}
