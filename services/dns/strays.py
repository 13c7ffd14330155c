"""Records of a zone that are not written down: which of them dns has made, by what it wrote down of them before."""

from collections.abc import Sequence
from ipaddress import ip_address
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import ContractError, DnsReleased, ProjectCancelled, ServiceName, decode
from services.dns.drift import Drifts
from services.dns.inwx import InwxRecord
from services.dns.models import ManagedRecord
from shared.hosts import is_stored
from shared.messaging.topology import queue_name
from shared.models import LogStatus, ProjectOrder, ProvisioningLog, Server
from shared.reconcile.finding import Caution, Finding
from shared.reconcile.standing import Standing, standing_columns, standing_of, standings

Made = dict[tuple[str, str, str], UUID]
"""Records that dns once made and deleted again, as (name, type, content), each with its cancelled project."""

AT_ONCE = 1000


class Strays:
    """Judges them. Most are none of our business: a zone is shared with whatever else is in it."""

    def __init__(self, drifts: Drifts) -> None:
        self._drifts = drifts

    async def judge(self, connection: AsyncConnection, zone: str, strays: Sequence[InwxRecord]) -> list[Finding]:
        """What is off about records that lead somewhere and are not written down. Projects have host names only."""
        strays = [stray for stray in strays if is_stored(stray.name)]
        found: list[Finding] = []
        for start in range(0, len(strays), AT_ONCE):
            found += await self._judge(connection, zone, strays[start : start + AT_ONCE])
        return found

    async def _judge(self, connection: AsyncConnection, zone: str, strays: Sequence[InwxRecord]) -> list[Finding]:
        names = {stray.name for stray in strays}
        holders = await _holders(connection, names)
        made = await _made(connection, names)
        addresses = await _addresses(connection) if holders else set()
        over = await standings(connection, ServiceName.DNS, sorted(set(made.values())))
        found = []
        for stray in strays:
            key = (stray.name, stray.type, stray.content)
            if stray.name in holders:
                project_id, standing = holders[stray.name]
                ours = Caution.ASKED if key in made else Caution.NAMED if stray.content in addresses else None
                found.append(self._drifts.doubled(stray, project_id, standing, zone, ours=ours))
            elif key in made:
                found.append(self._drifts.orphaned(stray, made[key], over[made[key]], zone))
        return found


async def _holders(connection: AsyncConnection, names: set[str]) -> dict[str, tuple[UUID, Standing]]:
    """Whose names these are, as far as records of theirs are written down."""
    rows = select(
        ManagedRecord.name, ManagedRecord.project_id, *standing_columns(ManagedRecord.project_id, ServiceName.DNS)
    ).where(ManagedRecord.name.in_(names))
    return {row.name: (row.project_id, standing_of(row)) for row in await connection.execute(rows)}


async def _made(connection: AsyncConnection, names: set[str]) -> Made:
    """What the log says was made and deleted under these names: the exact events that dns said of it."""
    fqdns = names | {name.removeprefix("www.") for name in names}
    said = (
        select(ProvisioningLog.project_id, ProvisioningLog.emitted)
        .join(ProjectOrder, ProjectOrder.project_id == ProvisioningLog.project_id)
        .where(
            ProjectOrder.fqdn.in_(fqdns),
            ProvisioningLog.consumer == queue_name(ServiceName.DNS, ProjectCancelled),
            ProvisioningLog.status == LogStatus.COMPLETED,
            ProvisioningLog.emitted.is_not(None),
        )
    )
    made: Made = {}
    for row in await connection.execute(said):
        for line in bytes(row.emitted).splitlines():
            for record in _released(line):
                made[record] = row.project_id
    return made


def _released(line: bytes) -> list[tuple[str, str, str]]:
    try:
        event = decode(line, DnsReleased)
    except ContractError:
        return []
    return [(record.name, record.type, record.content) for record in event.data.records]


async def _addresses(connection: AsyncConnection) -> set[str]:
    """Where our servers answer."""
    return {
        str(ip_address(address))
        for row in await connection.execute(select(Server.ipv4, Server.ipv6))
        for address in row
        if address is not None
    }
