"""What each registry wants of a domain's owner is looked at before anything is paid."""

from typing import Any

import pytest

from contracts import Registrant
from services.dns.registrant import problems
from tests.choreography.events import OWNER

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
        ("a.com", {"country": "US", "postal_code": "10001"}, "state is missing"),
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
    assert [wrong in each for each in found] == ([True] if wrong else [])
