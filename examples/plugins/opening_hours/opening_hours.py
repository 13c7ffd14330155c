"""Whether a shop is open: a plugin as a zip archive. Only the standard library."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

HOURS = {day: (time(6, 30), time(18, 0)) for day in range(5)} | {5: (time(7, 0), time(13, 0))}
"""From and to by weekday, Monday is 0; closed on a day that is missing."""

ZONE = ZoneInfo("Europe/Berlin")


def is_open(at: datetime) -> bool:
    """Whether the shop is open at `at`, a time with a zone."""
    local = at.astimezone(ZONE)
    opens, closes = HOURS.get(local.weekday(), (time.min, time.min))
    return opens <= local.time() < closes


def check() -> None:
    """Raise if this plugin cannot work; vrs-core calls it before it installs it."""
    for day, (opens, closes) in HOURS.items():
        if opens >= closes:
            raise ValueError(f"weekday {day} closes before it opens")
