"""The ``contact.*`` methods: the handles of owners."""

import re
from itertools import count
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from .accounts import Account
from .answers import ApiError, ResultCode
from .params import Params

_PHONE = re.compile(r"\+\d{1,3}\.\d{4,14}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise ValueError("no telephone number")
    return text


def _mail(text: str) -> str:
    if not _MAIL.fullmatch(text):
        raise ValueError("no mail address")
    return text


class Create(Params):
    """In: contact.create."""

    type: str = Field(pattern="^(PERSON|ORG|ROLE)$")
    name: str = Field(min_length=1, max_length=255)
    org: str = Field(default="", max_length=255)
    street: str = Field(min_length=1, max_length=64)
    city: str = Field(min_length=1, max_length=64)
    pc: str = Field(min_length=1, max_length=10)
    sp: str = Field(default="", max_length=64)
    cc: str = Field(pattern="^[A-Z]{2}$")
    voice: Annotated[str, AfterValidator(_phone)]
    email: Annotated[str, AfterValidator(_mail)]
    force_new: bool = Field(default=False, alias="forceNew")
    testing: bool = False


class Contacts:
    """All handles, each of one account."""

    def __init__(self) -> None:
        self._ids = count(990_002)
        self._contacts: dict[int, tuple[str, dict[str, Any]]] = {}

    def get(self, account: str, handle: int) -> dict[str, Any]:
        """The contact; raises 2303 if the account has none of this number."""
        holder, contact = self._contacts.get(handle, ("", {}))
        if holder != account:
            raise ApiError(ResultCode.OBJECT_MISSING)
        return contact

    def create(self, account: Account, given: Create) -> dict[str, Any]:
        """A handle; an equal contact has one already, unless a new one is forced."""
        contact = given.model_dump(exclude={"force_new", "testing"})
        for handle, known in self._contacts.items():
            if known == (account.user, contact) and not given.force_new:
                return {"id": handle}
        if given.testing:
            return {"id": 0}
        handle = next(self._ids)
        self._contacts[handle] = (account.user, contact)
        return {"id": handle}
