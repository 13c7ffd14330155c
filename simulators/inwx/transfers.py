"""``domain.transfer`` and ``domain.transfercancel``: a domain of another registrar's comes to an account.

Where the documentation is silent, the answer is the dear one: a transfer that is asked for again while the first is
under way is accepted and charged twice.
"""

import asyncio
from typing import Any

from pydantic import Field

from .accounts import Account
from .answers import ApiError, ResultCode, invalid, missing
from .domains import Domain, Domains
from .params import Params
from .records import is_host
from .registrations import RENEWAL_MODES, Registrar
from .zones import Zones


class Transfer(Params):
    """In: domain.transfer."""

    domain: str
    auth_code: str = Field(default="", alias="authCode", max_length=64)
    registrant: int | None = None
    ns: list[str] = Field(default=[], max_length=10)
    ns_takeover: bool = Field(default=False, alias="nsTakeover")
    contact_takeover: bool = Field(default=False, alias="contactTakeover")
    renewal_mode: str = Field(default="AUTORENEW", alias="renewalMode", pattern=RENEWAL_MODES)
    ext_data: dict[str, Any] = Field(default={}, alias="extData")
    asynchron: bool = False
    testing: bool = False


class Cancel(Params):
    """In: domain.transfercancel."""

    domain: str


class Transfers:
    """Transfers domains; `seconds` is how long that takes, `refusing` how many of the next ones are refused then."""

    def __init__(self, registrar: Registrar, domains: Domains, zones: Zones) -> None:
        self._registrar = registrar
        self._domains = domains
        self._zones = zones
        self.seconds = 0.0
        self.refusing = 0

    def transfer(self, account: Account, given: Transfer) -> tuple[ResultCode, dict[str, Any]]:
        """2303 for what nobody has, 2302 for its own, 2106 for another account's, 2304 if locked, 2202, 2104, 2306."""
        name = given.domain.lower()
        known = self._transferable(account, name, given)
        if not given.contact_takeover:
            if given.registrant is None:
                raise missing("registrant")
            self._registrar.check_owner(account, name, given.registrant, given.ext_data)
        if not given.ns_takeover:
            self._registrar.check_name_servers(name, given.ns)
        price = self._registrar.price_of(name)
        self._registrar.charge(account, name, price, testing=given.testing)
        if given.testing:
            return ResultCode.DONE, {"roId": 0, "price": price, "currency": "EUR"}
        refused = self.refusing > 0
        self.refusing -= refused
        moving = self._domains.begin_move(
            name,
            account=account.user,
            name_servers=known.name_servers if given.ns_takeover else tuple(given.ns),
            renewal_mode=given.renewal_mode,
            registrant=given.registrant or known.registrant,
        )
        asyncio.get_running_loop().call_later(self.seconds, self._decide, moving, refused, given.ns_takeover)
        return ResultCode.DONE_PENDING, {"roId": moving.ro_id, "price": price, "currency": "EUR"}

    def cancel(self, account: Account, given: Cancel) -> dict[str, Any]:
        """2301 for a domain that is not on its way to this account; what was charged is given back."""
        moving = self._domains.moving(given.domain, account.user)
        if moving is None:
            raise ApiError(ResultCode.NOT_PENDING_TRANSFER)
        self._end(moving, arrives=False)
        return {}

    def _transferable(self, account: Account, name: str, given: Transfer) -> Domain:
        if "." not in name or not is_host(name):
            raise invalid("domain", given.domain)
        known = self._domains.get(name)
        if known is None:
            raise ApiError(ResultCode.OBJECT_MISSING)
        if known.account is not None:
            mine = known.account == account.user
            raise ApiError(ResultCode.OBJECT_EXISTS if mine else ResultCode.NOT_ELIGIBLE_FOR_TRANSFER)
        if known.is_locked:
            raise ApiError(ResultCode.STATUS_PROHIBITS)
        if known.auth_code is None or given.auth_code != known.auth_code:
            raise ApiError(ResultCode.WRONG_AUTHORISATION)
        return known

    def _decide(self, moving: Domain, refused: bool, keeps_name_servers: bool) -> None:
        """What the losing registrar and the registry say when their time has come."""
        if self._domains.moving(moving.name, moving.account) is not moving:
            return  # cancelled, or asked for again
        self._end(moving, arrives=not refused)
        if not refused and not keeps_name_servers:
            self._zones.delegate(moving.name)

    def _end(self, moving: Domain, *, arrives: bool) -> None:
        self._domains.end_move(moving, arrives=arrives)
        if not arrives:
            self._registrar.refund(moving.account or "", moving.name)
