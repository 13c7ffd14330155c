"""What the mails say, in both languages and both forms."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from jinja2 import UndefinedError

from contracts import CustomerText, Locale, RegistrationHold, ServiceName
from services.notify.letters import STEPS, Kind, write

TEXT = CustomerText(de="Das Bild fehlt.", en="The image is missing.")

MAIL = {
    "domain": "a.vrs.example",
    "records": [("TXT", "a.vrs.example", "v=spf1 include:spf.brevo.com ~all")],
    "problems": ["There is no TXT record at a.vrs.example."],
    "reminder": 0,
}

FACTS: dict[Kind, dict[str, Any]] = {
    Kind.ORDERED: {},
    Kind.DOMAIN_REGISTERED: {
        "domain": "xn--mller-kva.example",
        "expires_at": "2027-11-24T23:30:00Z",
        "is_renewed": True,
    },
    Kind.LIVE: {"url": "https://a.vrs.example/", "plugins": ["shop 2.1.0"]},
    Kind.RECORDS_NEEDED: {
        "records": [("A", "www.a.example", "203.0.113.10")],
        "problems": ["Change the A record of a.example."],
        "found": ["a.example A 192.0.2.1"],
        "reminder": 0,
    },
    Kind.MAIL_READY: {"domain": "zweite.example", "mx": True},
    Kind.DOMAIN_CONNECTED: {"url": "https://zweite.example/"},
    Kind.CAPACITY_NEEDED: {
        "plan": "starter",
        "region": None,
        "ahead": 3,
        "considered": ["tenants-1: full"],
        "more": 2,
    },
    Kind.REGISTRATION_HELD: {"reason": "too_expensive", "message": "it costs 900.00 EUR", "cents": 90_000},
    Kind.MAIL_RECORDS_NEEDED: MAIL,
    Kind.MAIL_RECORDS_WRONG: MAIL,
    Kind.TRANSFER_STARTED: {"domain": "otto.example", "kept_records": 4},
    Kind.TRANSFER_FAILED: {
        "domain": "otto.example",
        "problem": "auth_code_wrong",
        "message": "INWX answered 2202",
        "text": TEXT,
        "cents": 465,
    },
    Kind.TRANSFER_FAILED_CUSTOMER: {"domain": "otto.example", "text": TEXT},
    Kind.TRANSFERRED: {"domain": "otto.example", "expires_at": "2027-07-01T22:30:00Z"},
    Kind.WEBHOOK_DISABLED: {
        "endpoint": uuid4(),
        "host": "a.vrs.example",
        "description": None,
        "created_by": "agency",
        "reason": "answered 500",
    },
    Kind.DOMAIN_EXPIRING: {
        "domain": "a.vrs.example",
        "ends_at": datetime(2026, 7, 1, 22, 30, tzinfo=UTC),
        "days": 7,
        "reason": "not_renewed",
        "renews_itself": False,
    },
    Kind.CERTIFICATE_EXPIRING: {
        "host": "a.vrs.example",
        "issuer": "Let's Encrypt",
        "ends_at": datetime(2026, 7, 1, 22, 30, tzinfo=UTC),
        "days": 7,
    },
    Kind.FAILED_CUSTOMER: {"customer_text": TEXT},
    Kind.CANCELLED: {"keep_volumes": True},
    Kind.DELAYED: {
        "step": ServiceName.DNS,
        "reason": "not visible yet",
        "due_at": datetime(2026, 7, 1, 22, 30, tzinfo=UTC),
        "next_try_at": None,
        "expected_at": datetime(2026, 12, 1, 22, 30, tzinfo=UTC),
    },
    Kind.FAILED: {
        "step": ServiceName.DEPLOY,
        "message": "Coolify answers 422",
        "reason_code": "coolify_422",
        "customer_text": TEXT,
        "dead_letter_id": uuid4(),
    },
}

INTERNAL = (
    *(Kind.CAPACITY_NEEDED, Kind.REGISTRATION_HELD, Kind.MAIL_RECORDS_WRONG, Kind.TRANSFER_FAILED),
    *(Kind.DELAYED, Kind.FAILED),
    *(Kind.CAPACITY_NEEDED, Kind.REGISTRATION_HELD, Kind.DELAYED, Kind.FAILED),
    *(Kind.WEBHOOK_DISABLED, Kind.DOMAIN_EXPIRING, Kind.CERTIFICATE_EXPIRING),
)
ALL = [(kind, locale) for kind in Kind for locale in Locale if locale is Locale.DE or kind not in INTERNAL]


def written(kind: Kind, locale: Locale, **changed: Any) -> Any:
    facts = {"name": "Anna & <b>Söhne</b>", "fqdn": "a.vrs.example", "project_id": uuid4(), **FACTS[kind]}
    return write(kind, locale, **facts | changed)


@pytest.mark.parametrize(("kind", "locale"), ALL)
def test_every_mail_has_a_subject_on_one_line_and_both_forms(kind: Kind, locale: Locale) -> None:
    letter = written(kind, locale)
    assert {"a.vrs.example", "müller.example"} & set(re.findall(r"[\w.]+", letter.subject))
    assert letter.subject == " ".join(letter.subject.split())
    assert letter.text.startswith(f"{letter.subject}\n=")
    assert f'<html lang="{locale}">' in letter.html
    assert f"{letter.subject}</h1>" in letter.html
    assert "<p" not in letter.text
    assert "\n\n\n" not in letter.text
    assert max(map(len, letter.text.splitlines())) <= 100


@pytest.mark.parametrize(("kind", "locale"), [each for each in ALL if each[0] not in INTERNAL])
def test_a_customers_name_is_shown_and_not_obeyed(kind: Kind, locale: Locale) -> None:
    letter = written(kind, locale)
    assert "Anna &amp; &lt;b&gt;Söhne&lt;/b&gt;" in letter.html
    assert "Anna & <b>Söhne</b>" in letter.text


@pytest.mark.parametrize("form", ["text", "html"])
def test_the_records_to_set_are_complete(form: str) -> None:
    letter = written(Kind.RECORDS_NEEDED, Locale.EN)
    for fact in ("www.a.example", "203.0.113.10", "a.example A 192.0.2.1", "Change the A record"):
        assert fact in getattr(letter, form)


def test_a_reminder_says_that_it_is_one() -> None:
    first, again = (written(Kind.RECORDS_NEEDED, Locale.DE, reminder=number) for number in (0, 2))
    assert first.subject == "Bitte DNS-Einträge für a.vrs.example setzen"
    assert again.subject == "Erinnerung: Die DNS-Einträge für a.vrs.example fehlen noch"
    assert "wartet noch" in again.text


def test_that_nothing_is_found_today_is_said() -> None:
    assert "noch keine Einträge" in written(Kind.RECORDS_NEEDED, Locale.DE, found=()).text


@pytest.mark.parametrize(
    ("locale", "facts", "says"),
    [
        (Locale.DE, {}, "bis zum 25. November 2027. Sie wird von selbst jedes Jahr verlängert"),
        (Locale.EN, {}, "until November 25, 2027. It is renewed by itself every year"),
        (Locale.DE, {"expires_at": None, "is_renewed": False}, "auf Sie registriert. Sie wird nicht von selbst"),
        (Locale.EN, {"expires_at": None, "is_renewed": False}, "for you. It is not renewed by itself"),
    ],
)
def test_what_was_registered_is_told_until_when_and_what_must_be_confirmed(
    locale: Locale, facts: dict[str, Any], says: str
) -> None:
    text = " ".join(written(Kind.DOMAIN_REGISTERED, locale, **facts).text.split())
    assert says in text
    assert {Locale.DE: "Bestätigen Sie diese Nachricht", Locale.EN: "Confirm it"}[locale] in text


def test_a_project_without_plugins_lists_none() -> None:
    assert "Plugins" not in written(Kind.LIVE, Locale.DE, plugins=[]).text


@pytest.mark.parametrize(("kept", "said"), [(True, "löschen wir dabei nicht"), (False, "dabei gelöscht")])
def test_what_becomes_of_the_data_is_said(kept: bool, said: str) -> None:
    assert said in " ".join(written(Kind.CANCELLED, Locale.DE, keep_volumes=kept).text.split())


def test_case_workers_read_german_time_in_summer_and_winter() -> None:
    text = written(Kind.DELAYED, Locale.DE).text
    assert "Fällig war: 02.07.2026, 00:30 Uhr" in text
    assert "Schritt fertig etwa: 01.12.2026, 23:30 Uhr" in text
    assert "Nächster Versuch: nicht festgelegt" in text


def test_the_customer_reads_the_reason_in_the_orders_language() -> None:
    assert TEXT.de in written(Kind.FAILED_CUSTOMER, Locale.DE).text
    assert TEXT.en in written(Kind.FAILED_CUSTOMER, Locale.EN).text


def test_every_service_has_a_name_for_case_workers() -> None:
    assert set(STEPS) == set(ServiceName)


@pytest.mark.parametrize("reason", RegistrationHold)
def test_each_reason_of_a_held_registration_has_its_remedy(reason: RegistrationHold) -> None:
    words = {
        RegistrationHold.NO_CREDIT: "aufladen",
        RegistrationHold.TOO_EXPENSIVE: "am Projekt frei",
        RegistrationHold.TAKEN: "anderen Namen",
        RegistrationHold.CONTACT_INCOMPLETE: "am Projekt die richtigen nach",
        RegistrationHold.REFUSED: "am Projekt noch einmal versuchen",
    }
    text = written(Kind.REGISTRATION_HELD, Locale.DE, reason=reason, cents=None).text
    assert words[reason] in " ".join(text.split())
    assert "Preis im ersten Jahr: nicht bekannt" in text


@pytest.mark.parametrize(
    ("reason", "says"),
    [("not_renewed", "stellen Sie bei INWX"), ("no_credit", "aufladen"), ("ended", "wiederherstellen")],
)
def test_each_doubt_about_a_renewal_has_its_remedy(reason: str, says: str) -> None:
    assert says in " ".join(written(Kind.DOMAIN_EXPIRING, Locale.DE, reason=reason).text.split())


def test_a_price_is_written_as_germans_do() -> None:
    assert "Preis im ersten Jahr: 900,00 EUR" in written(Kind.REGISTRATION_HELD, Locale.DE).text


def test_a_fact_that_is_missing_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(UndefinedError):
        write(Kind.LIVE, Locale.DE, name="Anna", fqdn="a.vrs.example", plugins=[])


@pytest.mark.parametrize(("kind", "cause"), [(Kind.DELAYED, "not visible yet"), (Kind.FAILED, "Coolify answers 422")])
def test_case_workers_are_warned_that_a_cause_is_technical_and_english(kind: Kind, cause: str) -> None:
    [line] = [line for line in written(kind, Locale.DE).text.splitlines() if cause in line]
    assert line.startswith("Technische")
    assert "(englisch)" in line
