"""Whom each registry takes for a domain's owner, and what INWX's amounts are in cents."""

from typing import Any

import pytest

from contracts import Registrant
from services.dns.registrar import in_cents
from shared.registrant import problems
from tests.choreography.facts import OWNER

AMERICAN = {"country": "US", "postal_code": "10001", "state": "NY"}


@pytest.mark.parametrize(
    ("domain", "changed", "wrong"),
    [
        ("a.de", {}, ""),
        ("a.com", AMERICAN, ""),
        ("a.at", {"country": "AT", "postal_code": "1010"}, ""),
        ("a.ch", {"country": "CH", "postal_code": "8001"}, ""),
        ("a.eu", {}, ""),
        ("a.de", {"street": "Postfach 12"}, "takes no post box"),
        ("a.de", {"street": "Rosenweg"}, "has no number"),
        ("a.de", {"postal_code": "1011"}, "none of DE"),
        ("a.com", {"country": "US", "postal_code": "10001"}, "a state is missing"),
        ("a.com", {"name": "Otto"}, "a first and a last name"),
        ("a.eu", {"country": "US", "postal_code": "10001", "state": "NY"}, "for those who live"),
        ("a.eu", {"country": "US", "postal_code": "10001", "state": "NY", "citizenship": "DE"}, ""),
        (
            "a.eu",
            {"country": "US", "postal_code": "10001", "state": "NY", "organisation": "O", "citizenship": "DE"},
            "EU",
        ),
        ("a.example", {"street": "Weg 1 " * 20}, "at most 64"),
    ],
)
def test_each_registry_gets_the_owner_that_it_wants(domain: str, changed: dict[str, Any], wrong: str) -> None:
    found = problems(domain, Registrant.model_validate(OWNER.model_dump() | changed))
    assert [wrong in str(each) for each in found] == ([True] if wrong else [])


def test_amounts_are_exact() -> None:
    assert [in_cents(euros) for euros in (4.65, 0.29, 1.1, 900.0, 8.115)] == [465, 29, 110, 90_000, 812]
