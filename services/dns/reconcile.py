"""Compares what dns has written down with what INWX has: one call for each zone, however many projects it holds."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from contracts import ServiceName
from services.dns.drift import Drifts, Zone
from services.dns.inwx import Inwx, InwxRecord
from services.dns.inwx_errors import InwxNotFoundError
from services.dns.inwx_session import InwxSession
from services.dns.mail.drift import of_mail_row
from services.dns.models import ManagedMailRecord, ManagedRecord, RecordHolder
from services.dns.repair import RecordRepairs
from services.dns.settings import DnsSettings
from services.dns.strays import Strays
from services.dns.tan import TanSource
from shared.database import Database
from shared.http import http_client
from shared.models import BaseDomain, OpenStep, ProjectOrder, StepState
from shared.reconcile.finding import Finding, Reconciler, seen_twice
from shared.reconcile.standing import standing_columns, standing_of
from shared.settings import load

ROWS_AT_ONCE = 1000

_AT_INWX = (ManagedRecord.holder == RecordHolder.INWX, ManagedRecord.zone.is_not(None))


@dataclass(frozen=True, slots=True)
class Place:
    """A zone, whole or only some of its absolute names."""

    zone: str
    names: frozenset[str] | None = None


class DnsReconciler:
    """Implements `shared.reconcile.finding.Reconciler`."""

    service = ServiceName.DNS

    def __init__(self, inwx: Inwx, database: Database, *, grace: float) -> None:
        self._inwx = inwx
        self._database = database
        self._grace = timedelta(seconds=grace)
        self._drifts = Drifts(RecordRepairs(inwx, database), grace)
        self._strays = Strays(self._drifts)

    async def look(self, project_id: UUID | None = None) -> AsyncIterator[Finding]:
        """See `Reconciler.look`: zone by zone, or only under the project's names."""
        places = await self._all_zones() if project_id is None else await self._places_of(project_id)
        for place in places:
            for finding in await seen_twice(partial(self._compare, place)):
                if project_id in (None, finding.project_id):
                    yield finding

    async def expired(self) -> list[tuple[UUID, datetime]]:
        """See `Reconciler.expired`."""
        worked_on = (
            select(OpenStep.project_id)
            .where(
                OpenStep.project_id == ManagedRecord.project_id,
                OpenStep.consumer.startswith(f"{self.service}."),
                OpenStep.state != StepState.DEAD,
            )
            .exists()
        )
        unanswered = (
            select(ManagedRecord.project_id, func.max(ManagedRecord.intended_at).label("intended_at"))
            .where(
                ManagedRecord.holder == RecordHolder.INWX,
                ManagedRecord.record_id.is_(None),
                ManagedRecord.intended_at < datetime.now(UTC) - self._grace,
                ~worked_on,
            )
            .group_by(ManagedRecord.project_id)
            .order_by("intended_at")
        )
        async with self._database.engine.connect() as connection:
            return [(row.project_id, row.intended_at) for row in await connection.execute(unanswered)]

    async def _all_zones(self) -> list[Place]:
        of_mail, bases = select(ManagedMailRecord.zone), select(BaseDomain.name)
        zones = select(ManagedRecord.zone).where(*_AT_INWX).union(of_mail, bases).order_by("zone")
        async with self._database.engine.connect() as connection:
            return [Place(zone) for zone in await connection.scalars(zones) if zone]

    async def _places_of(self, project_id: UUID) -> list[Place]:
        of_mail = select(ManagedMailRecord.zone, ManagedMailRecord.name).where(
            ManagedMailRecord.project_id == project_id
        )
        own = select(ManagedRecord.zone, ManagedRecord.name).where(*_AT_INWX, ManagedRecord.project_id == project_id)
        order = select(ProjectOrder.fqdn, ProjectOrder.base_domain).where(ProjectOrder.project_id == project_id)
        places: dict[str, set[str]] = {}
        async with self._database.engine.connect() as connection:
            for row in await connection.execute(own.union(of_mail)):
                places.setdefault(row.zone, set()).add(row.name)
            ordered = (await connection.execute(order)).one_or_none()
        if ordered and not places:  # undone: only what it had made may still be there
            held = None if ordered.base_domain else await self._inwx.zone_of(ordered.fqdn)
            zone = held[0] if held else ordered.base_domain
            if zone:
                places[zone] = {ordered.fqdn, f"www.{ordered.fqdn}"}
        return [Place(zone, frozenset(names)) for zone, names in places.items()]

    async def _compare(self, place: Place) -> AsyncIterator[Finding]:
        """INWX is read first and nothing is held meanwhile; the rows are streamed."""
        found = await self._found(place)
        these = [*_AT_INWX, ManagedRecord.zone == place.zone]
        if place.names is not None:
            these.append(ManagedRecord.name.in_(place.names))
        owned = select(ManagedRecord.record_id).where(*these, ManagedRecord.record_id.is_not(None))
        rows = select(ManagedRecord, *standing_columns(ManagedRecord.project_id, self.service)).where(*these)
        explained = set()
        async with AsyncSession(self._database.engine, expire_on_commit=False) as session:
            zone = Zone(place.zone, found, {each for each in await session.scalars(owned) if each})
            async for row in await session.stream(rows.execution_options(yield_per=ROWS_AT_ONCE)):
                written: ManagedRecord = row.ManagedRecord
                if (finding := self._drifts.of_row(written, standing_of(row), zone)) is not None:
                    yield finding
                if (equal := zone.equal(written)) is not None:
                    explained.add(equal.id)
            for finding in await self._strays.judge(await session.connection(), place.zone, zone.strays(explained)):
                yield finding
            for row in await session.execute(_mail_rows(place)):
                off = of_mail_row(row.ManagedMailRecord, standing_of(row), zone, self._grace.total_seconds())
                if off is not None:
                    yield off

    async def _found(self, place: Place) -> Sequence[InwxRecord] | None:
        """What INWX has there; None if the account has no such zone."""
        try:
            if place.names is None:
                return await self._inwx.records(place.zone)
            return [
                record for name in sorted(place.names) for record in await self._inwx.records(place.zone, name=name)
            ]
        except InwxNotFoundError:
            return None


def _mail_rows(place: Place) -> Select[Any]:
    columns = standing_columns(ManagedMailRecord.project_id, ServiceName.DNS)
    rows = select(ManagedMailRecord, *columns).where(ManagedMailRecord.zone == place.zone)
    return rows if place.names is None else rows.where(ManagedMailRecord.name.in_(place.names))


@asynccontextmanager
async def open_reconciler(database: Database) -> AsyncIterator[Reconciler]:
    """Read the settings of dns and open a session of our own at INWX; the entry point of ``vrs reconcile``."""
    settings = load(DnsSettings)
    async with http_client(lease=settings.lease_seconds) as http:
        yield DnsReconciler(Inwx(session_of(settings, http)), database, grace=settings.inwx_grace)


def session_of(settings: DnsSettings, http: httpx.AsyncClient) -> InwxSession:
    """The session of these settings; it signs in with the first call."""
    return InwxSession(
        http,
        url=str(settings.inwx_url),
        user=settings.inwx_user,
        password=settings.inwx_password,
        tans=TanSource(settings.inwx_totp_secret) if settings.inwx_totp_secret else None,
    )
