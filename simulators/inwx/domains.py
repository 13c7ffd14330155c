"""The ``domain.*`` methods, as far as they tell who holds a domain and which name servers it has."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

from pydantic import Field

from .accounts import Account
from .answers import ApiError, ResultCode, missing
from .params import Paged, Params
from .records import is_host


@dataclass
class Domain:
    """A registered domain; `account` is None at another registrar. Until `done_at` it is being registered.

    One that `is_moving` is on its way to `account`; the domain itself stays where it is meanwhile. `auth_code` is what
    another registrar has given out for a transfer; one that `is_locked` may not move.
    """

    name: str
    account: str | None
    ro_id: int
    name_servers: tuple[str, ...]
    expires: datetime
    renewal_mode: str = "AUTORENEW"
    registrant: int = 990001
    done_at: datetime | None = None
    fails: bool = False
    is_moving: bool = False
    auth_code: str | None = None
    is_locked: bool = False

    @property
    def is_pending(self) -> bool:
        """Whether it is being registered."""
        return self.done_at is not None and datetime.now(UTC) < self.done_at

    @property
    def has_failed(self) -> bool:
        """Whether the registry has refused it in the end."""
        return self.fails and not self.is_pending

    def row(self) -> dict[str, Any]:
        """The domain in INWX's own form, with the date objects of its JSON mode."""
        row = {
            "roId": self.ro_id,
            "domain": self.name.encode().decode("idna"),
            "domain-ace": self.name,
            "period": "1Y",
            "transferLock": 1,
            "status": self._status(),
            "renewalMode": self.renewal_mode,
            "transferMode": "DEFAULT",
            "registrant": self.registrant,
            "admin": self.registrant,
            "tech": 1,
            "billing": 1,
            "ns": list(self.name_servers),
            "registrantVerificationStatus": "NONE",
            "verificationStatus": "ACTIVE",
        }
        if row["status"] == "OK":
            row["exDate"] = {
                "scalar": f"{self.expires:%Y%m%dT%H:%M:%S}",
                "xmlrpc_type": "datetime",
                "timestamp": int(self.expires.timestamp()),
            }
        return row

    def _status(self) -> str:
        if self.is_moving:
            return "TRANSFER INITIATED"
        return "REG INITIATED" if self.is_pending else "REG FAILED" if self.fails else "OK"


class Domains:
    """All registered domains, and those that are on their way to an account."""

    def __init__(self) -> None:
        self._domains: dict[str, Domain] = {}
        self._moving: dict[str, Domain] = {}
        self._ro_ids = count(41_200)

    def __iter__(self) -> Iterator[Domain]:
        return iter(sorted((*self._domains.values(), *self._moving.values()), key=lambda domain: domain.name))

    def get(self, name: str) -> Domain | None:
        """The domain of this name, whoever holds it; none if its registration has failed."""
        domain = self._domains.get(name.lower())
        return None if domain is None or domain.has_failed else domain

    def register(self, name: str, *, account: str | None, name_servers: tuple[str, ...], **more: Any) -> Domain:
        """Make a domain known for a year."""
        self._domains[name] = self._made(name, account=account, name_servers=name_servers, **more)
        return self._domains[name]

    def begin_move(self, name: str, *, account: str, name_servers: tuple[str, ...], **more: Any) -> Domain:
        """Have a domain on its way to an account."""
        self._moving[name] = self._made(name, account=account, name_servers=name_servers, is_moving=True, **more)
        return self._moving[name]

    def moving(self, name: str, account: str | None) -> Domain | None:
        """The domain that is on its way to this account."""
        domain = self._moving.get(name.lower())
        return domain if domain is not None and domain.account == account else None

    def end_move(self, domain: Domain, *, arrives: bool) -> None:
        """It is the account's now, or stays where it was."""
        del self._moving[domain.name]
        if arrives:
            domain.is_moving = False
            self._domains[domain.name] = domain

    def _made(self, name: str, **facts: Any) -> Domain:
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=365)
        return Domain(name=name, ro_id=next(self._ro_ids), expires=expires, **facts)


class Info(Params):
    """In: domain.info."""

    domain: str | None = None
    ro_id: int | None = Field(default=None, alias="roId")


class List(Paged):
    """In: domain.list; `domain` takes ``*`` as a wildcard."""

    domain: str = "*"


class Check(Params):
    """In: domain.check."""

    domain: str | list[str]


def info(domains: Domains, account: Account, given: Info) -> dict[str, Any]:
    """2303 for a domain that the account does not hold."""
    if given.domain is None and given.ro_id is None:
        raise missing("domain")
    wanted = given.domain.lower() if given.domain is not None else None
    for domain in domains:
        if domain.account == account.user and wanted in (None, domain.name) and given.ro_id in (None, domain.ro_id):
            return domain.row()
    raise ApiError(ResultCode.OBJECT_MISSING)


def list_domains(domains: Domains, account: Account, given: List) -> dict[str, Any]:
    """The account's domains by name, 20 a page unless asked otherwise."""
    found = [
        domain.row()
        for domain in domains
        if domain.account == account.user and fnmatchcase(domain.name, given.domain.lower())
    ]
    return {"count": len(found), "domain": given.cut(found)}


def check(domains: Domains, _account: Account, given: Check) -> dict[str, Any]:
    """Which names are free to register."""
    names = [given.domain] if isinstance(given.domain, str) else given.domain
    return {"domain": [_availability(name, taken=domains.get(name) is not None) for name in names]}


def _availability(name: str, *, taken: bool) -> dict[str, Any]:
    if "." not in name or not is_host(name.lower()):
        return {"domain": name, "avail": 0, "status": "invalid", "reason": "The domain name is not valid."}
    answer = {
        "domain": name,
        "avail": int(not taken),
        "status": "taken" if taken else "free",
        "checktime": 0.08,
        "checkmethod": "api",
    }
    return answer if taken else {**answer, "price": 4.65}
