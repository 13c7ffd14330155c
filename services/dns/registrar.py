"""INWX as a registrar: what a domain costs, who holds it, and the orders that pay for it.

`Registrar.create` and `Registrar.transfer` must never be repeated blindly. A refusal (`InwxRefusedError`, or
`no_credit`) is an answer for good and has cost nothing; after anything else the domain is looked up.
"""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator

from contracts import Registrant
from services.dns.inwx_errors import (
    InwxExistsError,
    InwxLoginError,
    InwxNotFoundError,
    InwxRefusedError,
    InwxUnavailableError,
    OutcomeUnknownError,
)
from services.dns.inwx_session import InwxSession
from shared.errors import TemporaryError

NO_CREDIT = "inwx_2104"
"""The code of the error that says: the account has not enough money."""

_NOT_UNDER_WAY = ("inwx_2301", "inwx_2303")

ModelT = TypeVar("ModelT", bound=BaseModel)


class RenewalMode(StrEnum):
    """What becomes of a domain when its year is over."""

    RENEWED = "AUTORENEW"
    EXPIRES = "AUTOEXPIRE"


def in_cents(euros: float) -> int:
    """INWX's amounts, which are decimal fractions, as integer cents."""
    return int((Decimal(str(euros)) * 100).to_integral_value())


class HeldDomain(BaseModel):
    """A domain in our account. `expires_at` is UTC."""

    status: str = ""
    expires_at: datetime | None = Field(default=None, alias="exDate")
    renewal_mode: str = Field(default="", alias="renewalMode")
    name_servers: list[str] = Field(default=[], alias="ns")

    @field_validator("expires_at", mode="before")
    @classmethod
    def _either_form(cls, value: Any) -> Any:
        """JSON has an object with `timestamp`, XML had text."""
        return datetime.fromtimestamp(int(value["timestamp"]), UTC) if isinstance(value, dict) else value or None

    @property
    def is_ours(self) -> bool:
        """Whether the registry has it under our account."""
        return self.status.upper() == "OK"

    @property
    def has_arrived(self) -> bool:
        """Whether it is ours after a transfer."""
        return self.is_ours or self.status.upper() == "TRANSFER SUCCESSFUL"

    @property
    def is_coming(self) -> bool:
        """Whether it is on its way to us from another registrar."""
        return self.status.upper().startswith("TRANSFER ") and not (self.has_arrived or self.has_failed)

    @property
    def has_failed(self) -> bool:
        """Whether the registry refused what was asked last."""
        return self.status.upper().endswith((" FAILED", " CANCELED"))


class Offer(BaseModel):
    """What a domain costs: its first year, or its transfer to us; no `cents` if it cannot be had so."""

    is_free: bool
    reason: str = ""
    cents: int | None = None
    currency: str = "EUR"
    is_premium: bool = False


class _Availability(BaseModel):
    avail: int
    status: str = ""
    reason: str | None = ""


class _Availabilities(BaseModel):
    domain: list[_Availability] = Field(min_length=1)


class _Price(BaseModel):
    price: float
    currency: str = "EUR"
    premium: bool = False


class _Prices(BaseModel):
    domain: list[_Price] = Field(min_length=1)


class _Balance(BaseModel):
    available: float


class _Contact(BaseModel):
    id: int


class Ordered(BaseModel):
    """What `create` has cost."""

    price: float = 0.0

    @property
    def cents(self) -> int:
        """In integer cents."""
        return in_cents(self.price)


class Registrar:
    """The calls of ``domain.*`` that registering and transferring need. Errors are those of `InwxSession.call`."""

    def __init__(self, session: InwxSession, *, name_servers: tuple[str, ...]) -> None:
        self._session = session
        self.name_servers = name_servers

    async def offer(self, domain: str) -> Offer:
        """Ask whether the domain is free, and what it costs, premium names included.

        Raises:
            InwxUnavailableError: also when its registry does not answer.

        """
        found = await self._availability(domain)
        if not found.avail:
            return Offer(is_free=False, reason=found.reason or found.status or "taken")
        return await self._priced(domain, "reg", is_free=True)

    async def transfer_offer(self, domain: str) -> Offer:
        """Ask what it costs to have the domain from another registrar; no `cents` if nobody holds it.

        Raises:
            InwxUnavailableError: also when its registry does not answer.

        """
        found = await self._availability(domain)
        if found.avail or found.status == "invalid":
            return Offer(is_free=bool(found.avail), reason=found.reason or found.status)
        return await self._priced(domain, "transfer", is_free=False)

    async def renewal(self, domain: str) -> int:
        """What another year costs, in cents.

        Raises:
            InwxUnavailableError: also if it does not cost euros.

        """
        asked = {"domain": domain, "pricetype": "renewal"}
        [price] = (await self._read("domain.getdomainprice", asked, _Prices)).domain
        if price.currency != "EUR":
            raise InwxUnavailableError(f"the renewal of {domain} costs {price.currency}", code="inwx_currency")
        return in_cents(price.price)

    async def credit(self) -> int:
        """What the account can spend, in cents."""
        return in_cents((await self._read("accounting.accountBalance", {}, _Balance)).available)

    async def contact(self, owner: Registrant) -> int:
        """Have a handle for the owner; an equal one that exists is taken, so repeating this makes no second."""
        params = {
            "type": "ORG" if owner.organisation else "PERSON",
            "name": owner.name,
            "org": owner.organisation or "",
            "street": owner.street,
            "city": owner.city,
            "pc": owner.postal_code,
            "sp": owner.state or "",
            "cc": owner.country,
            "voice": owner.phone,
            "email": owner.email,
        }
        return (await self._read("contact.create", params, _Contact, writes=True)).id

    async def find(self, domain: str) -> HeldDomain | None:
        """Look the domain up in our account; None if it is not there."""
        try:
            return await self._read("domain.info", {"domain": domain}, HeldDomain)
        except InwxNotFoundError:
            return None

    async def create(self, domain: str, contact: int, *, citizenship: str | None = None) -> Ordered:
        """Order the domain for a year, renewed by itself. This costs money: read the module's text.

        Raises:
            InwxExistsError: somebody has it; perhaps we do, by an order that was thought lost.
            OutcomeUnknownError: the answer was lost.

        """
        params = self._ordered(domain, contact, citizenship) | {"period": "1Y"}
        return await self._read("domain.create", params, Ordered, writes=True, costs=True)

    async def transfer(
        self, domain: str, contact: int, auth_code: SecretStr, *, citizenship: str | None = None
    ) -> Ordered:
        """Order the domain from its registrar, with our name servers. This costs money: read the module's text.

        Raises:
            InwxExistsError: it is in our account, perhaps by an order that was thought lost.
            OutcomeUnknownError: the answer was lost.

        """
        params = self._ordered(domain, contact, citizenship) | {"authCode": auth_code.get_secret_value()}
        return await self._read("domain.transfer", params, Ordered, writes=True, costs=True)

    async def cancel_transfer(self, domain: str) -> None:
        """Give up a transfer; one that is not under way is fine. Safe to repeat: look the domain up afterwards."""
        try:
            await self._session.call("domain.transfercancel", {"domain": domain}, writes=True)
        except (InwxRefusedError, InwxUnavailableError) as error:
            if error.code not in _NOT_UNDER_WAY:
                raise

    async def settle(self, domain: str) -> None:
        """Give the domain our name servers, and have it renewed by itself. Safe to repeat."""
        params = {"domain": domain, "ns": list(self.name_servers), "renewalMode": RenewalMode.RENEWED.value}
        await self._session.call("domain.update", params, writes=True)

    async def set_renewal(self, domain: str, mode: RenewalMode) -> None:
        """Say what becomes of the domain at the end of its year. Safe to repeat."""
        await self._session.call("domain.update", {"domain": domain, "renewalMode": mode.value}, writes=True)

    async def _availability(self, domain: str) -> _Availability:
        [found] = (await self._read("domain.check", {"domain": domain}, _Availabilities)).domain
        if found.avail < 0:
            raise InwxUnavailableError(f"the registry of {domain} does not answer INWX", code="inwx_not_checked")
        return found

    async def _priced(self, domain: str, kind: str, *, is_free: bool) -> Offer:
        [price] = (await self._read("domain.getdomainprice", {"domain": domain, "pricetype": kind}, _Prices)).domain
        cents = in_cents(price.price)
        return Offer(is_free=is_free, cents=cents, currency=price.currency, is_premium=price.premium)

    def _ordered(self, domain: str, contact: int, citizenship: str | None) -> dict[str, Any]:
        """What is said of any domain that is to be ours."""
        params: dict[str, Any] = {
            "domain": domain,
            "registrant": contact,
            "ns": list(self.name_servers),
            "renewalMode": RenewalMode.RENEWED.value,
            "asynchron": 1,  # a registry may take minutes; other calls of the session wait meanwhile
        }
        if citizenship:
            params["extData"] = {"EU-COUNTRY-OF-CITIZENSHIP": citizenship}
        return params

    async def _read(
        self, method: str, params: dict[str, Any], model: type[ModelT], *, writes: bool = False, costs: bool = False
    ) -> ModelT:
        answer = await self._session.call(method, params, writes=writes, costs=costs)
        try:
            return model.model_validate(answer)
        except ValidationError as error:
            lost: type[TemporaryError] = OutcomeUnknownError if writes else InwxUnavailableError
            raise lost(f"INWX answered {method} with data that nobody can read", code="inwx_unreadable") from error


def is_refusal(error: Exception) -> bool:
    """Whether INWX's answer to `Registrar.create` says for good that nothing was ordered, and a person can help."""
    if isinstance(error, InwxLoginError | InwxExistsError):
        return False
    return isinstance(error, InwxRefusedError) or (isinstance(error, InwxUnavailableError) and error.code == NO_CREDIT)
