"""The zone of a domain that comes to us: made, with the customer's records and the project's, before it moves."""

from dataclasses import dataclass

from services.dns.addresses import addresses_of
from services.dns.authority import Authority
from services.dns.inwx import Inwx
from services.dns.inwx_errors import InwxRefusedError
from services.dns.mail_records import ForeignRecord, records_to_keep
from services.dns.models import ManagedRecord, Placement
from services.dns.records import ensure
from shared.errors import TemporaryError
from shared.host_claims import own_hosts
from shared.models import DomainTransfer
from shared.step import Step
from shared.writes import Upsert

PATIENCE = 5
"""So many tries old name servers that are silent are asked for the customer's records; then it goes on without."""

NOT_KEPT = "not "
"""How a line about a record begins that could not be copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferZone:
    """Prepares it. Everything is safe to repeat."""

    inwx: Inwx
    authority: Authority
    name_servers: tuple[str, ...]
    record_ttl: int

    async def prepare(
        self, row: DomainTransfer, step: Step, place: Placement
    ) -> tuple[DomainTransfer, list[ManagedRecord]]:
        """Return the row that says what was copied, and the project's records that stand in the zone.

        Raises:
            TemporaryError: the old name servers are silent, or INWX is in trouble.
            PermanentError: a zone that was there already leads the domain elsewhere.

        """
        hosts = own_hosts(row.domain)
        foreign = await records_to_keep(self.authority, row.domain, hosts)
        if foreign is None and step.attempt < PATIENCE:
            problem = f"the name servers of {row.domain} do not answer; its mail records must be copied before it moves"
            raise TemporaryError(problem, code="old_name_servers_silent")
        has_zone = await self.inwx.has_zone(row.domain)
        row = row.changed(zone_made=row.zone_made or not has_zone)
        await step.record(Upsert(row))
        if not has_zone:
            await self.inwx.create_zone(row.domain, self.name_servers)
        if foreign is None:
            kept = [f"{NOT_KEPT}anything: the old name servers do not answer"]
        else:
            kept = [await self._copied(row.domain, each) for each in foreign]
        wanted = addresses_of(hosts, place.server, self.record_ttl)
        rows = [each for each in await step.rows(ManagedRecord) if each.name in hosts]
        records = await ensure(step, self.inwx, row.domain, wanted, rows, await self.inwx.records(row.domain))
        return row.changed(kept_records=kept), records

    async def _copied(self, zone: str, record: ForeignRecord) -> str:
        """Copy it and say so; what INWX does not take is said, too."""
        try:
            await self.inwx.copy_record(zone, record, ttl=self.record_ttl)
        except InwxRefusedError as error:
            return f"{NOT_KEPT}{record} ({error})"
        return str(record)
