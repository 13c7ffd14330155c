"""What ``POST /_control`` takes beside latency and faults: the state of the world around the API.

::

    {"propagation": 0.5}                                   seconds until every name server has a change
    {"propagation": [0.0, 1.0]}                            each name server by itself
    {"expire_sessions": true}                              the next call of every session is answered with 2002
    {"registration_seconds": 5}                            how long a registration takes
    {"fail_registrations": 1}                              the next registrations fail at their end
    {"transfer_seconds": 5}                                how long a transfer takes
    {"refuse_transfers": 1}                                the next transfers are refused by the losing registrar
    {"credit": {"demo": 3.5}}                              an account's money, euros
    {"premium": {"gold.example": 900}}                     what a domain costs, euros
    {"zone": {"account": "demo", "domain": "x.example"}}   a domain registered with the account, with its zone
    {"elsewhere": {"zone": "fremd.example", "records": [{"name": "www", "type": "A", "content": "192.0.2.1"}]}}

``elsewhere`` sets all records of a domain that no INWX account holds; names are absolute or relative, SOA and NS
come by themselves. ``auth_code`` is what lets it be transferred, unless it is ``locked``. ``dnssec`` signs it:
``valid``, ``expired``, with an ``other_key`` than its DS record says, or ``unsigned`` though there is one. The kind
``refused`` takes INWX result codes. ``reset`` forgets the propagation delay and what registrations and transfers take
too; zones, domains and money stay. What is wrong is answered with 422.
"""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulators.faults import ControlRequest

from .accounts import Accounts
from .answers import ApiError, ResultCode
from .authoritative import NameServer
from .dnssec import Dnssec
from .domains import Domains
from .records import MAX_TTL, MIN_TTL
from .registrations import Registrar
from .transfers import Transfers
from .zones import Zones

ELSEWHERE = ("ns.registrar.example", "ns2.registrar.example")

Seconds = Annotated[float, Field(ge=0, le=3600)]


class HeldZone(BaseModel):
    """A domain to register with an account."""

    model_config = ConfigDict(extra="forbid")

    account: str
    domain: str


class ForeignRecord(BaseModel):
    """A record at another registrar."""

    model_config = ConfigDict(extra="forbid")

    name: str
    type: str
    content: str
    ttl: int = Field(default=MIN_TTL, ge=1, le=MAX_TTL)
    prio: int = Field(default=0, ge=0)


class ForeignZone(BaseModel):
    """A domain at another registrar, with all its records."""

    model_config = ConfigDict(extra="forbid")

    zone: str
    records: list[ForeignRecord] = []
    dnssec: Dnssec | None = None
    auth_code: str | None = None
    locked: bool = False


class InwxControl(ControlRequest):
    """Body of ``POST /_control``."""

    propagation: Seconds | list[Seconds] | None = None
    expire_sessions: bool = False
    registration_seconds: Seconds | None = None
    fail_registrations: int | None = Field(default=None, ge=0)
    transfer_seconds: Seconds | None = None
    refuse_transfers: int | None = Field(default=None, ge=0)
    credit: dict[str, float] = Field(default_factory=dict)
    premium: dict[str, float] = Field(default_factory=dict)
    zone: HeldZone | None = None
    elsewhere: ForeignZone | None = None

    @model_validator(mode="after")
    def _refused_with_a_result_code(self) -> Self:
        if self.fault is not None and self.fault.code is not None:
            ResultCode(self.fault.code)
        return self


class World:
    """What a control request changes."""

    def __init__(
        self,
        accounts: Accounts,
        zones: Zones,
        domains: Domains,
        registrar: Registrar,
        transfers: Transfers,
        name_servers: list[NameServer],
    ) -> None:
        self.transfers = transfers
        self.registrar = registrar
        self.accounts = accounts
        self.zones = zones
        self.domains = domains
        self.name_servers = name_servers

    def apply(self, wanted: InwxControl) -> None:
        """Raises ValueError for what cannot be."""
        if wanted.reset:
            self._delay(0.0)
            self.registrar.seconds, self.registrar.failing = 0.0, 0
            self.transfers.seconds, self.transfers.refusing = 0.0, 0
        self._pace(wanted)
        self.registrar.credit.update(wanted.credit)
        self.registrar.premium.update(wanted.premium)
        if wanted.propagation is not None:
            self._delay(wanted.propagation)
        if wanted.expire_sessions:
            self.accounts.end_all()
        try:
            if wanted.zone is not None:
                self.register(wanted.zone.domain, account=wanted.zone.account)
            if wanted.elsewhere is not None:
                self._set_elsewhere(wanted.elsewhere)
        except ApiError as refused:
            raise ValueError(str(refused)) from refused

    def registered(self) -> dict[str, Any]:
        """Every domain with its account, and what was charged for which, oldest first."""
        return {
            "domains": [domain.row() | {"account": domain.account} for domain in self.domains],
            "charges": [vars(charge) for charge in self.registrar.ledger],
        }

    def register(self, domain: str, *, account: str) -> None:
        """Let the account hold the domain and its zone."""
        if account not in self.accounts.users():
            raise ValueError(f"no account {account!r}; there are {', '.join(self.accounts.users())}")
        zone = self.zones.create(domain, account=account)
        self.domains.register(zone.domain, account=account, name_servers=tuple(zone.name_servers))

    def _pace(self, wanted: InwxControl) -> None:
        """How long registries take, and what they refuse."""
        if wanted.registration_seconds is not None:
            self.registrar.seconds = wanted.registration_seconds
        if wanted.transfer_seconds is not None:
            self.transfers.seconds = wanted.transfer_seconds
        if wanted.fail_registrations is not None:
            self.registrar.failing = wanted.fail_registrations
        if wanted.refuse_transfers is not None:
            self.transfers.refusing = wanted.refuse_transfers

    def _delay(self, seconds: float | list[float]) -> None:
        delays = seconds if isinstance(seconds, list) else [seconds] * len(self.name_servers)
        if len(delays) != len(self.name_servers):
            raise ValueError(f"{len(delays)} propagation delays for {len(self.name_servers)} name servers")
        for server, delay in zip(self.name_servers, delays, strict=True):
            server.lag(delay)

    def _set_elsewhere(self, wanted: ForeignZone) -> None:
        holder, known = self.domains.get(wanted.zone), self.zones.elsewhere(wanted.zone)
        if known is None and (self.zones.has_own(wanted.zone) or (holder is not None and holder.account)):
            raise ValueError(f"{wanted.zone} is held by an INWX account")
        _fill(Zones(name_servers=ELSEWHERE, publish=lambda _: None), wanted)  # raises before anything changes
        if known is not None:
            self.zones.delete(known)
        _fill(self.zones, wanted)
        facts = {"auth_code": wanted.auth_code, "is_locked": wanted.locked}
        self.domains.register(wanted.zone.lower(), account=None, name_servers=ELSEWHERE, **facts)


def _fill(zones: Zones, wanted: ForeignZone) -> None:
    zone = zones.create(wanted.zone, account=None, name_servers=ELSEWHERE, dnssec=wanted.dnssec)
    for each in wanted.records:
        zone.put(zone.draft(each.type, each.content, name=each.name, ttl=each.ttl, prio=each.prio))
