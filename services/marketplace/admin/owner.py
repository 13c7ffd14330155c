"""The owner of a domain that is registered, as fields of a form: what is typed there, and what is wrong with it."""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError
from starlette_admin.i18n import lazy_gettext as _

from contracts import Registrant
from shared.errors import FieldProblem

OWNER = "registrant_"
"""What the fields' names begin with."""

FIELDS = tuple(Registrant.model_fields)

_SAID = {
    "name": _("Please type a first and a last name, of a person."),
    "organisation": _("Please type the organisation's name, or leave it out."),
    "street": _("Please type street and number; registries take no post box."),
    "postal_code": _("Please type the postal code as it is written in that country."),
    "city": _("Please type the city."),
    "state": _("Please type the state or province; addresses in that country need one."),
    "country": _("Please type the country's two letters, like DE. Owners of .eu live in the EU."),
    "citizenship": _("Please type the country's two letters, like DE."),
    "phone": _("Please type the number like +49.301234567: country, dot, digits."),
    "email": _("Please type an e-mail address, like anna@example.org."),
}


def typed_owner(form: Mapping[str, str]) -> dict[str, str]:
    """Read the owner's data; the customer's own name and address where nothing is typed, if the form has them."""
    owner = {}
    for name in FIELDS:
        typed = form.get(f"{OWNER}{name}", "")
        if not typed and name in ("name", "email"):
            typed = form.get(f"customer_{name}", "")
        if typed:
            owner[name] = typed.upper() if name in ("country", "citizenship") else typed
    return owner


def wrong_with(found: ValidationError | Iterable[FieldProblem]) -> dict[str, str]:
    """What people read of it, by the form's field."""
    names = (
        [str(each["loc"][0]) for each in found.errors()]
        if isinstance(found, ValidationError)
        else [each.field for each in found]
    )
    return {f"{OWNER}{name}": str(_SAID[name]) for name in names}


def said_of(field: str) -> str | None:
    """What people read beside a field of the form that is wrong; None if it is none of these."""
    said = _SAID.get(field.removeprefix(OWNER)) if field.startswith(OWNER) else None
    return None if said is None else str(said)
