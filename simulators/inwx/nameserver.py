"""The ``nameserver.*`` methods: zones and records."""

from fnmatch import fnmatchcase
from typing import Any

from pydantic import Field, StrictInt, StrictStr

from .accounts import Account
from .answers import ApiError, ResultCode, invalid, missing
from .params import Paged, Params
from .records import MAX_TTL, MIN_TTL, Record, RecordType, absolute_name
from .zones import Zone, Zones, record_type

_MAX_PRIO = 65_535
_MAX_CONTENT = 10_000

Data = dict[str, Any] | None


class Zoned(Params):
    """A zone of the account, by name or by number."""

    domain: str | None = None
    ro_id: int | None = Field(default=None, alias="roId")

    def zone(self, zones: Zones, account: Account) -> Zone:
        """Raises 2003 if neither is given, 2303 if the account has no such zone."""
        if self.domain is None and self.ro_id is None:
            raise missing("domain")
        return zones.held(account.user, domain=self.domain, ro_id=self.ro_id)


class Create(Params):
    """In: nameserver.create."""

    domain: str
    type: str
    ns: list[str] = Field(default=[], max_length=10)
    ignore_existing: bool = Field(default=False, alias="ignoreExisting")
    testing: bool = False


class CreateRecord(Zoned):
    """In: nameserver.createRecord."""

    type: str
    content: str = Field(min_length=1, max_length=_MAX_CONTENT)
    name: str = ""
    ttl: int = Field(default=3600, ge=MIN_TTL, le=MAX_TTL)
    prio: int = Field(default=0, ge=0, le=_MAX_PRIO)
    testing: bool = False


RecordId = StrictStr | StrictInt


class UpdateRecord(Params):
    """In: nameserver.updateRecord; what is left out stays as it is."""

    id: RecordId | list[RecordId]
    type: str = ""
    content: str = Field(default="", min_length=1, max_length=_MAX_CONTENT)
    name: str = ""
    ttl: int = Field(default=0, ge=MIN_TTL, le=MAX_TTL)
    prio: int = Field(default=0, ge=0, le=_MAX_PRIO)
    testing: bool = False

    def changes(self) -> dict[str, Any]:
        """The values that were given."""
        return self.model_dump(include=self.model_fields_set - {"id", "testing"})


class DeleteRecord(Params):
    """In: nameserver.deleteRecord."""

    id: RecordId
    testing: bool = False


class Info(Zoned):
    """In: nameserver.info; everything but the zone is a filter."""

    record_id: RecordId | None = Field(default=None, alias="recordId")
    type: str | None = None
    name: str | None = None
    content: str | None = None
    ttl: int | None = None
    prio: int | None = None


class List(Paged):
    """In: nameserver.list; `domain` takes ``*`` as a wildcard."""

    domain: str = "*"


class Delete(Zoned):
    """In: nameserver.delete."""

    testing: bool = False


def create(zones: Zones, account: Account, given: Create) -> Data:
    """2302 for a zone that exists, 2102 for a SLAVE. One of another registrar's domain waits until that moves."""
    if given.type not in ("MASTER", "SLAVE"):
        raise invalid("type", given.type)
    if given.type == "SLAVE":
        raise ApiError(ResultCode.UNIMPLEMENTED_OPTION)
    if len(given.ns) < 2:  # noqa: PLR2004 pgiki/inwx-python and the Terraform provider: two names are needed
        raise missing("ns")
    known = zones.get(given.domain)
    if known is not None and known.account == account.user and given.ignore_existing:
        return {"roId": known.ro_id}
    zones.check(given.domain)
    if given.testing:
        return None
    return {"roId": zones.create(given.domain, account=account.user, name_servers=given.ns).ro_id}


def delete(zones: Zones, account: Account, given: Delete) -> Data:
    """2303 for a zone that the account does not have."""
    zone = given.zone(zones, account)
    if not given.testing:
        zones.delete(zone)
    return None


def create_record(zones: Zones, account: Account, given: CreateRecord) -> Data:
    """2302 without an id for an exact duplicate."""
    zone = given.zone(zones, account)
    if record_type(given.type) is RecordType.SOA:
        raise invalid("type", given.type)
    new = zone.draft(given.type, given.content, name=given.name, ttl=given.ttl, prio=given.prio)
    zone.check(new)
    if given.testing:
        return None
    zone.put(new)
    return {"id": new.id}


def update_record(zones: Zones, account: Account, given: UpdateRecord) -> Data:
    """One record or several; 2302 if that makes a duplicate, repeating the same values is fine."""
    ids = given.id if isinstance(given.id, list) else [given.id]
    for zone, record_id in [(zones.holding(account.user, str(each)), str(each)) for each in ids]:
        new = zone.redraft(zone.records[record_id], **given.changes())
        zone.check(new)
        if not given.testing:
            zone.put(new)
    return None


def delete_record(zones: Zones, account: Account, given: DeleteRecord) -> Data:
    """2303 for an id that the account does not have."""
    zone = zones.holding(account.user, str(given.id))
    zone.check_changeable(str(given.id))
    if not given.testing:
        zone.remove(str(given.id))
    return None


def info(zones: Zones, account: Account, given: Info) -> Data:
    """The whole zone in one answer; with no match, neither ``count`` nor ``record``."""
    zone = given.zone(zones, account)
    wanted = given.model_dump(include={"type", "content", "ttl", "prio"}, exclude_none=True)
    if given.type is not None:
        wanted["type"] = given.type.upper()
    if given.record_id is not None:
        wanted["id"] = str(given.record_id)
    records = zone.records.values() if given.name is None else zone.named(absolute_name(given.name, zone.domain))
    found = [row for row in map(Record.row, records) if wanted.items() <= row.items()]
    return {
        "roId": zone.ro_id,
        "domain": zone.domain,
        "type": "MASTER",
        "cleanup": {"status": "OK", "tstamp": 0},
        **({"count": len(found), "record": found} if found else {}),
    }


def list_zones(zones: Zones, account: Account, given: List) -> Data:
    """The account's zones by name, 20 a page unless asked otherwise."""
    found = [
        {"roId": zone.ro_id, "domain": zone.domain, "type": "MASTER"}
        for zone in sorted(zones, key=lambda zone: zone.domain)
        if zone.account == account.user and fnmatchcase(zone.domain, given.domain.lower())
    ]
    return {"count": len(found), "domains": given.cut(found)}
