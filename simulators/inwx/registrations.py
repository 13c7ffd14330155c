"""The ``domain.*`` methods that cost money, and the accounts' money.

Where the documentation is silent, the answer is the dear one: what is asked twice while the first is still being
carried out is accepted and charged twice.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from .accounts import Account
from .answers import ApiError, ResultCode, invalid
from .contacts import Contacts
from .domains import Domains
from .params import Params
from .records import is_host
from .zones import Zones

PRICE = 4.65
CREDIT = 10_000.0
_EU = frozenset(
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split()  # noqa: SIM905 - as read
)
_EEA = _EU | {"IS", "LI", "NO"}
_LEAST_NAME_SERVERS = 2
RENEWAL_MODES = "^(AUTORENEW|AUTODELETE|AUTOEXPIRE)$"


@dataclass(frozen=True)
class Charge:
    """Money that was taken for a domain."""

    account: str
    domain: str
    euros: float


class Create(Params):
    """In: domain.create."""

    domain: str
    registrant: int
    period: str = Field(default="1Y", pattern="^([1-9]|10)Y$")
    admin: int | None = None
    tech: int | None = None
    billing: int | None = None
    ns: list[str] = Field(default=[], max_length=10)
    renewal_mode: str = Field(default="AUTORENEW", alias="renewalMode", pattern=RENEWAL_MODES)
    ext_data: dict[str, Any] = Field(default={}, alias="extData")
    asynchron: bool = False
    testing: bool = False


class Update(Params):
    """In: domain.update."""

    domain: str
    renewal_mode: str | None = Field(default=None, alias="renewalMode", pattern=RENEWAL_MODES)
    ns: list[str] | None = Field(default=None, max_length=10)
    testing: bool = False


class Price(Params):
    """In: domain.getdomainprice."""

    domain: str | list[str]
    pricetype: str = Field(pattern="^(reg|renewal|transfer|update|trade|restore)$")


class Registrar:
    """Registers domains; `seconds` is how long that takes, `failing` how many of the next ones fail at their end."""

    def __init__(self, domains: Domains, contacts: Contacts, zones: Zones) -> None:
        self._domains = domains
        self.contacts = contacts
        self._zones = zones
        self.seconds = 0.0
        self.failing = 0
        self.credit: defaultdict[str, float] = defaultdict(lambda: CREDIT)
        self.premium: dict[str, float] = {}
        self.ledger: list[Charge] = []

    def balance(self, account: Account, _: Params) -> dict[str, Any]:
        """accounting.accountBalance."""
        credit = round(self.credit[account.user], 2)
        return {"total": credit, "available": credit, "locked": 0.0, "creditLimit": 0.0}

    def price(self, _account: Account, given: Price) -> dict[str, Any]:
        """domain.getdomainprice."""
        names = [given.domain] if isinstance(given.domain, str) else given.domain
        return {
            "domain": [
                {
                    "domain": name,
                    "type": given.pricetype,
                    "period": "1Y",
                    "price": self.price_of(name),
                    "currency": "EUR",
                    "promo": False,
                    "premium": name.lower() in self.premium,
                }
                for name in names
            ]
        }

    def create(self, account: Account, given: Create) -> tuple[ResultCode, dict[str, Any]]:
        """domain.create: 2302 for what is taken, 2104 without credit, 2306 for what the registry does not take."""
        name = given.domain.lower()
        if "." not in name or not is_host(name):
            raise invalid("domain", given.domain)
        known = self._domains.get(name)
        if known is not None and (known.account != account.user or not known.is_pending):
            raise ApiError(ResultCode.OBJECT_EXISTS)
        self.check_owner(account, name, given.registrant, given.ext_data)
        self.check_name_servers(name, given.ns)
        price = self.price_of(name)
        self.charge(account, name, price, testing=given.testing)
        if given.testing:
            return ResultCode.DONE, {"roId": 0, "price": price, "currency": "EUR"}
        lasts = self.seconds if given.asynchron or self.seconds else 0.0
        fails = self.failing > 0
        self.failing -= fails
        domain = self._domains.register(
            name,
            account=account.user,
            name_servers=tuple(given.ns),
            renewal_mode=given.renewal_mode,
            registrant=given.registrant,
            done_at=datetime.now(UTC) + timedelta(seconds=lasts),
            fails=fails,
        )
        code = ResultCode.DONE_PENDING if given.asynchron or lasts else ResultCode.DONE
        return code, {"roId": domain.ro_id, "price": price, "currency": "EUR"}

    def update(self, account: Account, given: Update) -> dict[str, Any]:
        """domain.update: 2303 for what the account does not hold, 2304 while it is being registered."""
        known = self._domains.get(given.domain)
        if known is None or known.account != account.user or known.has_failed:
            raise ApiError(ResultCode.OBJECT_MISSING)
        if known.is_pending:
            raise ApiError(ResultCode.STATUS_PROHIBITS)
        if not given.testing:
            known.renewal_mode = given.renewal_mode or known.renewal_mode
            known.name_servers = tuple(given.ns) if given.ns is not None else known.name_servers
        return {"price": 0.0, "currency": "EUR"}

    def check_owner(self, account: Account, name: str, registrant: int, ext_data: dict[str, Any]) -> None:
        """2303 for a contact that the account does not have, 2306 for one that the registry does not take."""
        contact = self.contacts.get(account.user, registrant)
        if name.endswith(".eu"):
            citizen = ext_data.get("EU-COUNTRY-OF-CITIZENSHIP")
            if contact["cc"] not in _EEA and citizen not in _EU:
                raise ApiError(ResultCode.POLICY_ERROR, reason="The registrant is not eligible.")

    def check_name_servers(self, name: str, servers: list[str]) -> None:
        """2306 for too few, and where the registry looks whether they answer, for those that do not."""
        if len(set(servers)) < _LEAST_NAME_SERVERS:
            raise ApiError(ResultCode.POLICY_ERROR, reason="At least two name servers are required.")
        if name.endswith(".de") and not self._zones.has_own(name):
            raise ApiError(ResultCode.POLICY_ERROR, reason="The name servers do not answer for the domain.")

    def charge(self, account: Account, name: str, price: float, *, testing: bool = False) -> None:
        """Take the money; 2104 if the account has too little."""
        if self.credit[account.user] < price:
            raise ApiError(ResultCode.BILLING_FAILURE)
        if not testing:
            self.credit[account.user] -= price
            self.ledger.append(Charge(account.user, name, price))

    def refund(self, account: str, name: str) -> None:
        """Give back what was taken last for a domain that did not come."""
        charge = next(each for each in reversed(self.ledger) if (each.account, each.domain) == (account, name))
        self.ledger.remove(charge)
        self.credit[account] += charge.euros

    def price_of(self, name: str) -> float:
        """What a year costs, or a transfer."""
        return self.premium.get(name.lower(), PRICE)
