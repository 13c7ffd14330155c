"""What the status page says, in both languages; times as people there read them."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from contracts import Locale, ServiceName
from services.marketplace.status.progress import Stage
from shared.models import ProvisioningState

BERLIN = ZoneInfo("Europe/Berlin")
_HOUR = 60
_DAY = 24 * _HOUR
_EXACT: Final = 90
"""Minutes up to which a time is told in minutes."""

STATES = {
    Locale.DE: {
        ProvisioningState.ORDERED: "Ihr Projekt wird eingerichtet",
        ProvisioningState.WAITING_FOR_CAPACITY: "Ihr Projekt wartet auf einen freien Platz",
        ProvisioningState.WAITING_FOR_CUSTOMER: "Wir warten auf Ihre DNS-Einträge",
        ProvisioningState.WAITING_FOR_DOMAIN: "Ihre Domain wird registriert",
        ProvisioningState.LIVE: "Ihr Projekt ist online",
        ProvisioningState.FAILED: "Die Einrichtung dauert länger",
        ProvisioningState.CANCELLING: "Ihr Projekt wird abgebaut",
        ProvisioningState.CANCELLED: "Ihr Projekt ist gekündigt",
    },
    Locale.EN: {
        ProvisioningState.ORDERED: "Your project is being set up",
        ProvisioningState.WAITING_FOR_CAPACITY: "Your project waits for a free place",
        ProvisioningState.WAITING_FOR_CUSTOMER: "We are waiting for your DNS records",
        ProvisioningState.WAITING_FOR_DOMAIN: "Your domain is being registered",
        ProvisioningState.LIVE: "Your project is online",
        ProvisioningState.FAILED: "The set-up takes longer",
        ProvisioningState.CANCELLING: "Your project is being taken down",
        ProvisioningState.CANCELLED: "Your project is cancelled",
    },
}
STEPS = {
    Locale.DE: {
        ServiceName.DNS: "Adresse einrichten",
        ServiceName.DEPLOY: "Anwendung installieren",
        ServiceName.BOOTSTRAP: "Plugins einrichten und alles prüfen",
    },
    Locale.EN: {
        ServiceName.DNS: "Set up the address",
        ServiceName.DEPLOY: "Install the application",
        ServiceName.BOOTSTRAP: "Set up plugins and check everything",
    },
}
STAGES = {
    Locale.DE: {
        Stage.DONE: "erledigt",
        Stage.RUNNING: "läuft",
        Stage.WAITING: "wartet",
        Stage.FAILED: "unterbrochen",
        Stage.AHEAD: "steht noch aus",
    },
    Locale.EN: {
        Stage.DONE: "done",
        Stage.RUNNING: "in progress",
        Stage.WAITING: "waiting",
        Stage.FAILED: "interrupted",
        Stage.AHEAD: "still to come",
    },
}
WORDS = {
    Locale.DE: {
        "title": "Stand Ihres Projekts",
        "progress": "{done} von {all} Schritten erledigt",
        "steps": "Schritte",
        "ordered": "Bestellung angenommen",
        "usually": "Voraussichtlich fertig in {time}",
        "at_most": "In seltenen Fällen dauert es bis {time}.",
        "late": "Dieser Schritt dauert gerade länger als üblich. Wir sehen das und kümmern uns, wenn es nötig ist.",
        "no_eta": "Wie lange es dauert, lässt sich gerade nicht seriös vorhersagen.",
        "capacity": "Ihre Bestellung ist angenommen. Sobald ein Platz frei ist, geht es von allein weiter.",
        "records": "Bitte setzen Sie bei Ihrem Domain-Anbieter diese Einträge. Danach geht es von allein weiter.",
        "wrong": "Das ist heute noch zu tun:",
        "kind": "Typ",
        "name": "Name",
        "value": "Wert",
        "not_lost": "Ihre Bestellung ist nicht verloren: Ist die Ursache behoben, geht es an derselben Stelle weiter.",
        "open": "Projekt öffnen",
        "cancelling": "Die Kündigung ist angenommen. Sie müssen nichts weiter tun.",
        "cancelled": "Die Kündigung ist abgeschlossen.",
        "as_of": "Stand: {time}",
        "again": "Aktualisieren",
        "by_itself": "Die Seite aktualisiert sich von selbst.",
        "unknown": "Diesen Link kennen wir nicht",
        "unknown_why": "Bitte prüfen Sie, ob er vollständig ist. Er steht in den Nachrichten, die Sie von uns haben.",
        "preview": "Vorschau eines Projekts",
        "ended": "Dieser Vorschau-Link gilt nicht",
        "ended_why": "Er ist unvollständig, abgelaufen, aufgebraucht oder beendet. Bitte fragen Sie nach einem neuen.",
        "language": "Sprache",
        "soon": "weniger als einer Minute",
    },
    Locale.EN: {
        "title": "Status of your project",
        "progress": "{done} of {all} steps done",
        "steps": "Steps",
        "ordered": "Order accepted",
        "usually": "Expected to be ready in {time}",
        "at_most": "In rare cases it takes until {time}.",
        "late": "This step takes longer than usual at the moment. We can see it and step in if need be.",
        "no_eta": "At the moment nobody can honestly say how long it will take.",
        "capacity": "Your order is accepted. It goes on by itself as soon as there is room.",
        "records": "Please set these records at your domain provider. After that it goes on by itself.",
        "wrong": "This is still to be done today:",
        "kind": "Type",
        "name": "Name",
        "value": "Value",
        "not_lost": "Your order is not lost: as soon as the cause is mended, it goes on from the same place.",
        "open": "Open your project",
        "cancelling": "Your cancellation is accepted. There is nothing more for you to do.",
        "cancelled": "The cancellation is complete.",
        "as_of": "As of {time}",
        "again": "Refresh",
        "by_itself": "This page refreshes by itself.",
        "unknown": "We do not know this link",
        "unknown_why": "Please check that it is complete. It stands in the messages that you have had from us.",
        "preview": "Preview of a project",
        "ended": "This preview link does not work",
        "ended_why": "It is incomplete, has run out, was used up or ended. Please ask for a new one.",
        "language": "Language",
        "soon": "less than a minute",
    },
}
_UNITS = {
    Locale.DE: (("Minute", "Minuten"), ("Stunde", "Stunden"), ("Tag", "Tagen")),
    Locale.EN: (("minute", "minutes"), ("hour", "hours"), ("day", "days")),
}


def duration(locale: Locale, time: timedelta) -> str:
    """Tell a span as a person would: rounded up, in one unit."""
    minutes = -(-int(time.total_seconds()) // 60)
    if minutes < 1:
        return WORDS[locale]["soon"]
    unit, size = (0, 1) if minutes <= _EXACT else (1, _HOUR) if minutes <= 2 * _DAY else (2, _DAY)
    count = -(-minutes // size)
    return f"{'etwa' if locale is Locale.DE else 'about'} {count} {_UNITS[locale][unit][count > 1]}"


def moment(locale: Locale, time: datetime, now: datetime) -> str:
    """Tell a time of day in Berlin, with the date if it is another day."""
    there, today = time.astimezone(BERLIN), now.astimezone(BERLIN)
    clock = f"{there:%H:%M} Uhr" if locale is Locale.DE else f"{there:%H:%M} ({there:%Z})"
    if there.date() == today.date():
        return clock
    return f"{there:%d.%m.%Y}, {clock}" if locale is Locale.DE else f"{there:%Y-%m-%d}, {clock}"
