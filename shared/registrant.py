"""What the registries ask of a domain's owner, looked at before anything is paid.

INWX itself asks for a full address of everybody, within its lengths. The rest is each registry's: DENIC (.de), EURid
(.eu), nic.at (.at), SWITCH (.ch), Verisign under ICANN's rules (.com, .net) and whoever follows the same rules.
"""

import re
from collections.abc import Iterator

from contracts import Registrant
from shared.errors import FieldProblem

EU = frozenset(("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU")) | frozenset(
    ("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK")
)
EEA = EU | {"IS", "LI", "NO"}

_POSTAL_CODES = {"DE": r"\d{5}", "AT": r"\d{4}", "CH": r"\d{4}", "LI": r"\d{4}", "US": r"\d{5}(-\d{4})?"}
_WITH_STATES = ("US", "CA", "AU")
_STREET_ADDRESS = ("de", "at", "ch", "eu")
"""Where the owner must be reachable for a court: no post box."""

_POST_BOX = re.compile(r"\b(postfach|p\.?\s?o\.?\s?box|pf\s*\d)", re.IGNORECASE)
_LONGEST = {"name": 255, "organisation": 255, "street": 64, "city": 64, "postal_code": 10, "state": 64}


def problems(domain: str, registrant: Registrant) -> list[FieldProblem]:
    """What keeps the registry of `domain` from taking this owner, by field, in English; empty if nothing does."""
    return list(_problems(domain.rpartition(".")[2], registrant))


def _problems(tld: str, owner: Registrant) -> Iterator[FieldProblem]:
    for name, longest in _LONGEST.items():
        if len(value := getattr(owner, name) or "") > longest:
            yield FieldProblem(name, f"has {len(value)} characters, at most {longest} are taken")
    pattern = _POSTAL_CODES.get(owner.country)
    if pattern and not re.fullmatch(pattern, owner.postal_code):
        yield FieldProblem("postal_code", f"{owner.postal_code!r} is none of {owner.country}")
    if not any(character.isdigit() for character in owner.street) and owner.country in ("DE", "AT", "CH"):
        yield FieldProblem("street", f"{owner.street!r} has no number")
    if tld in _STREET_ADDRESS and _POST_BOX.search(owner.street):
        yield FieldProblem("street", f"{owner.street!r}: .{tld} takes no post box")
    if owner.country in _WITH_STATES and not owner.state:
        yield FieldProblem("state", f"a state is missing; addresses in {owner.country} need one")
    if len(owner.name.split()) < len(("first", "last")):
        yield FieldProblem("name", f"{owner.name!r} must be a first and a last name")
    if tld == "eu" and owner.country not in EEA and (owner.organisation or owner.citizenship not in EU):
        yield FieldProblem(
            "country",
            ".eu is for those who live or have their seat in the EU, Iceland, Liechtenstein or Norway, "
            "and for citizens of the EU (citizenship)",
        )
