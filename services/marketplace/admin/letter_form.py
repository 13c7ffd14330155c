"""The data of an event as fields that people can correct, and what they typed as data again."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from starlette_admin.i18n import gettext as _

from services.marketplace.admin.words import EVENT_FIELDS
from shared.dead_letters.edit import EditError, with_values
from shared.dead_letters.explain import contract_of

WHOLE = "whole"
"""The field in which all of it stands as JSON."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value of the data. `path` is where it stands, with dots; `value` is as it is, None if it is not there."""

    path: str
    value: Any = None

    @property
    def shown(self) -> str:
        """The value as it stands in the form."""
        if self.value is None:
            return ""
        return self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)

    @property
    def label(self) -> str:
        """What people call it; its path if nobody has a word for it."""
        return str(EVENT_FIELDS.get(self.path, self.path))

    def parsed(self, text: str) -> Any:
        """What is meant by `text`: a text where one stood, nothing if it was cleared, else JSON where it reads so."""
        if not text:
            return None
        if isinstance(self.value, str) or (self.value is None and text[0] not in "[{"):
            return text
        with suppress(ValueError):
            return json.loads(text)
        return text


@dataclass(frozen=True, slots=True)
class Form:
    """`before` is the data as the event has it, `data` as they are to be."""

    consumer: str
    before: Mapping[str, Any]
    data: Mapping[str, Any]

    @classmethod
    def of(cls, consumer: str, data: Mapping[str, Any]) -> Self:
        """Make the form of an event's data, unchanged."""
        return cls(consumer, data, data)

    def now(self, data: Mapping[str, Any]) -> Self:
        """Return the same form with other data typed."""
        return type(self)(self.consumer, self.before, data)

    @property
    def fields(self) -> list[Field]:
        """What stands in the data, then what the contract has beside."""
        there = list(_leaves(self.data))
        contract = contract_of(self.consumer)
        missing = [name for name in (contract.model_fields if contract else ()) if self.data.get(name) is None]
        return [*there, *map(Field, missing)]

    @property
    def text(self) -> str:
        """All of it as JSON."""
        return json.dumps(self.data, indent=2, ensure_ascii=False)

    def typed(self, given: Mapping[str, str]) -> Mapping[str, Any]:
        """Read what was typed: the JSON if that was changed, and on it each field that was.

        Raises:
            EditError: it is no JSON, or a field leads nowhere.

        """
        whole = given.get(WHOLE, self.text).replace("\r\n", "\n").strip()
        base = self if whole == self.text else self.now(self.whole(whole))
        changes = {
            each.path: json.dumps(each.parsed(text))
            for each in self.fields
            if (text := given.get(f"data.{each.path}", each.shown).strip()) != each.shown
        }
        return with_values(base.data, changes)

    def whole(self, text: str) -> Mapping[str, Any]:
        """Read the data as JSON.

        Raises:
            EditError: it is none, or no object.

        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise EditError(f"{WHOLE}: {error}") from error
        if not isinstance(data, dict):
            raise EditError(_("The data of an order are an object, in curly brackets."))
        return data

    def problems(self, said: str) -> dict[str, list[str]]:
        """What is wrong, by the field beside which it stands; under an empty name what is said of all."""
        known = {each.path for each in self.fields} | {WHOLE}
        found: dict[str, list[str]] = {}
        for line in said.splitlines():
            path, _colon, problem = line.removeprefix("data.").partition(": ")
            is_known = path in known
            found.setdefault(path if is_known else "", []).append(problem if is_known else line)
        return found


def _leaves(value: Any, path: str = "") -> Iterator[Field]:
    """Each value with its path; an empty list or object is one."""
    inner: list[tuple[str, Any]] = []
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = [(str(index), each) for index, each in enumerate(value)]
    if not inner and path:
        if value is not None:
            yield Field(path, value)
        return
    for name, each in inner:
        yield from _leaves(each, f"{path}.{name}" if path else name)
