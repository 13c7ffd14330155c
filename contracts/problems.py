"""What is wrong with somebody's data, in sentences: the field, what stands there, what is expected."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts.event import LABEL, NO_CONTROL_CHARACTERS

LONGEST_VALUE = 80

PERSONAL = "customer"
"""Below this field stands who somebody is."""

UNTOLD = "auth_code"
"""What stands in this field is told to nobody."""

_FORMS = {
    NO_CONTROL_CHARACTERS: "one line of text without control characters",
    rf"^{LABEL}$": "1 to 63 of a-z, 0-9 and hyphens, no hyphen at either end",
    rf"^(?:{LABEL}\.)+{LABEL}$": "a host name in lower case with a dot, such as example.org",
}

_EXPECTED = {
    "string_type": "text",
    "string_unicode": "text",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dict_type": "an object",
    "list_type": "a list",
    "tuple_type": "a list",
    "uuid_type": "a UUID",
    "uuid_parsing": "a UUID",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "datetime_type": "a time such as 2026-01-31T12:00:00Z",
    "datetime_parsing": "a time such as 2026-01-31T12:00:00Z",
    "datetime_from_date_parsing": "a time such as 2026-01-31T12:00:00Z",
    "timezone_aware": "a time with its zone, such as 2026-01-31T12:00:00Z",
}
"""By pydantic's error types (docs.pydantic.dev, "Validation Errors"); any other is told in pydantic's words."""


def field_problems(error: ValidationError, *, to_its_author: bool = True) -> list[str]:
    """One line per problem: path, what is wrong, and what stood there; of a customer only to whoever wrote it."""
    return [
        f"{'.'.join(map(str, problem['loc'])) or 'event'}: {sentence(problem, to_its_author=to_its_author)}"
        for problem in error.errors(include_url=False)
    ]


def sentence(problem: ErrorDetails, *, to_its_author: bool = True) -> str:
    """What is wrong with one field, what stood there (see `field_problems`), and what is expected."""
    kind, context = problem["type"], problem.get("ctx", {})
    is_told = (to_its_author or PERSONAL not in problem["loc"]) and UNTOLD not in problem["loc"]
    value = _shown(problem["input"]) if is_told else "what stands there"
    match kind:
        case "missing":
            return "is missing, add it"
        case "extra_forbidden":
            return "there is no such field, correct its name or leave it out"
        case "string_pattern_mismatch":
            return f"{value} is not {_FORMS.get(context['pattern'], 'of the form ' + context['pattern'])}"
        case "string_too_short" | "too_short":
            return f"{value} is too short, at least {context['min_length']} are needed"
        case "string_too_long" | "too_long":
            return f"{value} is too long, at most {context['max_length']} are allowed"
        case "enum" | "literal_error":
            return f"{value} is not {context['expected']}"
        case "value_error" if isinstance(problem["input"], str):
            return problem["msg"].removeprefix("Value error, ").replace("value is", f"{value} is", 1)
        case "value_error":
            return problem["msg"].removeprefix("Value error, ")
    expected = _EXPECTED.get(kind)
    return f"{value} is not {expected}" if expected else f"{problem['msg']} (is {value})"


def _shown(value: Any) -> str:
    """A whole object may hold a customer's name: only its kind is told."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    shown = repr(value)
    return shown if len(shown) <= LONGEST_VALUE else shown[: LONGEST_VALUE - 1] + "…"
