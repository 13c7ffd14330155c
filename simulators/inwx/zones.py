"""A DNS zone, and all zones together: INWX's own and those that are held elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import dns.name
import dns.rrset

from .answers import ApiError, ResultCode, invalid
from .dnssec import Dnssec, Signer
from .records import Record, RecordType, absolute_name, is_host, record

APEX_TTL = 86_400


@dataclass(frozen=True, slots=True)
class Change:
    """What an owner name of a zone holds from now on; without `owner`, the whole zone is gone."""

    zone: dns.name.Name
    owner: dns.name.Name | None
    rrsets: tuple[dns.rrset.RRset, ...] = ()


Publish = Callable[[Change], None]


class Zone:
    """One zone; every change raises the serial and is published.

    `account` is who holds it at INWX, None if it is held at another registrar. One that is not `served` waits for its
    domain, whose name servers are another registrar's: nobody is led to it.
    """

    def __init__(
        self,
        domain: str,
        *,
        account: str | None,
        ro_id: int,
        name_servers: Iterable[str],
        ids: Iterator[int],
        publish: Publish,
        dnssec: Dnssec | None = None,
        served: bool = True,
    ) -> None:
        self.domain = domain
        self._served = served
        self.account = account
        self.ro_id = ro_id
        self.name_servers = list(name_servers)
        self.records: dict[str, Record] = {}
        self._by_name: dict[str, dict[str, Record]] = {}
        self._origin = dns.name.from_text(domain)
        self._signer = Signer(self._origin, dnssec) if dnssec else None
        self._ids = ids
        self._publish = publish
        self._serial = int(f"{datetime.now(UTC):%Y%m%d}00")
        self._soa_id = str(next(ids))
        for server in self.name_servers:
            self._store(self.draft("NS", server, ttl=APEX_TTL))
        self._announce(domain)

    def draft(self, type: str, content: str, *, name: str = "", ttl: int = 3600, prio: int = 0) -> Record:  # noqa: A002 INWX's name
        """A record with a new id, not yet in the zone; raises the 2005 refusal for what cannot be one."""
        return record(
            id=str(next(self._ids)),
            name=absolute_name(name, self.domain),
            type=record_type(type),
            content=content,
            ttl=ttl,
            prio=prio,
        )

    def redraft(self, old: Record, **changes: Any) -> Record:
        """`old` with other values, not yet in the zone; raises as `draft` and `check_changeable`."""
        self.check_changeable(old.id)
        values = {**old.row(), **changes}
        values["name"] = absolute_name(values["name"], self.domain)
        values["type"] = record_type(values["type"])
        return record(**values)

    def check(self, new: Record) -> None:
        """Refuse a duplicate (2302) and company for a CNAME (2306, our pick: INWX's code is not known).

        Other registrars are known to let a CNAME have company.
        """
        others = [other for other in self.named(new.name) if other.id != new.id]
        if any(other.key == new.key for other in others):
            raise ApiError(ResultCode.OBJECT_EXISTS)
        if self.account is not None and any(RecordType.CNAME in (new.type, other.type) for other in others):
            raise ApiError(ResultCode.POLICY_ERROR)

    def named(self, name: str) -> list[Record]:
        """The records of one absolute name."""
        return list(self._by_name.get(name, {}).values())

    def check_changeable(self, record_id: str) -> None:
        """Refuse to touch the SOA record (2304, our pick)."""
        if self.records[record_id].type is RecordType.SOA:
            raise ApiError(ResultCode.STATUS_PROHIBITS)

    def put(self, new: Record) -> None:
        """Add `new`, or let it replace the record of the same id; raises as `check`."""
        self.check(new)
        old = self.records.get(new.id)
        if old is not None:
            self._drop(old)
        self._store(new)
        self._announce(*{new.name, old.name if old else new.name})

    def remove(self, record_id: str) -> None:
        """Take a record away; raises as `check_changeable`."""
        self.check_changeable(record_id)
        old = self.records[record_id]
        self._drop(old)
        self._announce(old.name)

    def row(self) -> dict[str, Any]:
        """The zone with all its records, for whoever checks them."""
        return {
            "domain": self.domain,
            "account": self.account,
            "records": [each.row() for each in self.records.values()],
        }

    def serve(self) -> None:
        """Lead to it from now on."""
        self._served = True
        self._announce(*self._by_name)

    def withdraw(self) -> None:
        """Take the whole zone from the name servers."""
        if self._served:
            self._publish(Change(self._origin, None))

    def _store(self, new: Record) -> None:
        self.records[new.id] = new
        self._by_name.setdefault(new.name, {})[new.id] = new

    def _drop(self, old: Record) -> None:
        del self.records[old.id]
        del self._by_name[old.name][old.id]
        if not self._by_name[old.name]:
            del self._by_name[old.name]

    def _announce(self, *names: str) -> None:
        self._serial += 1
        primary = self.name_servers[0]
        soa = f"{primary} hostmaster@{primary.split('.', 1)[1]} {self._serial}"
        self._store(record(id=self._soa_id, name=self.domain, type=RecordType.SOA, content=soa, ttl=APEX_TTL, prio=0))
        for name in {*names, self.domain} if self._served else ():
            owner = dns.name.from_text(name)
            self._publish(Change(self._origin, owner, tuple(self._rrsets(owner, name))))

    def _rrsets(self, owner: dns.name.Name, name: str) -> Iterator[dns.rrset.RRset]:
        rows = self.named(name)
        for kind in {row.type for row in rows}:
            same = [row for row in rows if row.type is kind]
            rrset = dns.rrset.from_rdata_list(owner, min(row.ttl for row in same), [row.rdata for row in same])
            if kind is RecordType.SOA and self._signer:
                yield from self._signer.rrsets(rrset)
            yield rrset


def record_type(text: str) -> RecordType:
    """The type of this name; raises the 2005 refusal."""
    try:
        return RecordType(text.upper())
    except ValueError as error:
        raise invalid("type", text) from error


def _check_name(domain: str) -> None:
    if "." not in domain or not is_host(domain.lower()):
        raise invalid("domain", domain)


class Zones:
    """All zones. Ids of records lie above 2^31, as INWX's do since November 2025."""

    def __init__(self, *, name_servers: Iterable[str], publish: Publish) -> None:
        self.name_servers = tuple(name_servers)
        self._publish = publish
        self._ids = count(2_153_900_000)
        self._ro_ids = count(3301)
        self._zones: dict[str, Zone] = {}
        self._elsewhere: dict[str, Zone] = {}

    def __iter__(self) -> Iterator[Zone]:
        return iter((*self._zones.values(), *self._elsewhere.values()))

    def get(self, domain: str) -> Zone | None:
        """The zone of exactly this name, whoever holds it: an account's before another registrar's."""
        return self._zones.get(domain.lower()) or self.elsewhere(domain)

    def elsewhere(self, domain: str) -> Zone | None:
        """The zone of this name at another registrar."""
        return self._elsewhere.get(domain.lower())

    def has_own(self, domain: str) -> bool:
        """Whether INWX's name servers have such a zone."""
        return domain.lower() in self._zones

    def held(self, account: str, *, domain: str | None = None, ro_id: int | None = None) -> Zone:
        """The zone by name or ``roId``; raises 2303 if this account does not hold it."""
        for zone in [self.get(domain)] if domain is not None else self:
            if zone and zone.account == account and ro_id in (None, zone.ro_id):
                return zone
        raise ApiError(ResultCode.OBJECT_MISSING)

    def holding(self, account: str, record_id: str) -> Zone:
        """The account's zone that has this record; raises 2303."""
        for zone in self:
            if zone.account == account and record_id in zone.records:
                return zone
        raise ApiError(ResultCode.OBJECT_MISSING)

    def check(self, domain: str) -> None:
        """Refuse a bad name (2005) and one of which an account has a zone (2302)."""
        _check_name(domain)
        if self.has_own(domain):
            raise ApiError(ResultCode.OBJECT_EXISTS)

    def create(
        self, domain: str, *, account: str | None, name_servers: Iterable[str] = (), dnssec: Dnssec | None = None
    ) -> Zone:
        """A new zone with its SOA and NS records; raises as `check`, at another registrar for a bad name only."""
        _check_name(domain) if account is None else self.check(domain)
        domain = domain.lower()
        zone = Zone(
            domain,
            account=account,
            ro_id=next(self._ro_ids),
            name_servers=tuple(name_servers) or self.name_servers,
            ids=self._ids,
            publish=self._publish,
            dnssec=dnssec,
            served=account is None or domain not in self._elsewhere,
        )
        (self._elsewhere if account is None else self._zones)[domain] = zone
        return zone

    def delegate(self, domain: str) -> None:
        """Lead to INWX's zone of the domain from now on, and no more to the one at another registrar."""
        before = self._elsewhere.pop(domain, None)
        if before is not None:
            before.withdraw()
        if domain in self._zones:
            self._zones[domain].serve()

    def delete(self, zone: Zone) -> None:
        """Forget the zone."""
        del (self._elsewhere if zone.account is None else self._zones)[zone.domain]
        zone.withdraw()
