"""Watches the domains that our INWX account holds for projects: when they end, and whether they are renewed."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import CompoundSelect, Row, func, select, union
from sqlalchemy.dialects.postgresql import distinct_on

from contracts import DomainExpiring, RenewalDoubt
from services.dns.inwx_errors import InwxLoginError
from services.dns.models import ManagedRecord, RecordHolder
from services.dns.registrar import HeldDomain, Registrar, RenewalMode
from shared.database import Database
from shared.errors import PermanentError, TemporaryError
from shared.expiry import DAILY, EXPIRY, PAUSE, THRESHOLDS, Tell, passed, saw, saw_nothing, take
from shared.messaging.looking import look_every
from shared.models import (
    BaseDomain,
    DomainRegistration,
    DomainTransfer,
    Expiry,
    ExpiryKind,
    RegistrationStage,
    TransferStage,
)
from shared.service import Announcement, Background, Kernel

log = structlog.get_logger(__name__)


def _held() -> CompoundSelect[UUID, str]:
    """What was registered or transferred, and the other zones of ours, each for one of its projects."""
    registered = select(DomainRegistration.project_id, DomainRegistration.domain.label("name")).where(
        DomainRegistration.stage == RegistrationStage.REGISTERED
    )
    transferred = select(DomainTransfer.project_id, DomainTransfer.domain.label("name")).where(
        DomainTransfer.stage == TransferStage.TRANSFERRED
    )
    known = union(registered, transferred).subquery()
    zones = (
        select(ManagedRecord.project_id, ManagedRecord.zone.label("name"))
        .ext(distinct_on(ManagedRecord.zone))
        .where(
            ManagedRecord.holder == RecordHolder.INWX,
            ManagedRecord.zone.not_in(select(BaseDomain.name)),
            ManagedRecord.zone.not_in(select(known.c.name)),
        )
        .order_by(ManagedRecord.zone, ManagedRecord.project_id)
        .subquery()
    )
    return union(select(known), select(zones))


_HELD = _held()
_SOONEST = max(THRESHOLDS)


def watch_domains(database: Database, registrar: Registrar) -> Background:
    """Look at some every minute, for as long as the service runs; INWX or a database that is away is waited for."""

    async def run(kernel: Kernel) -> None:
        async def look() -> None:
            await look_at_domains(kernel, database, registrar, datetime.now(UTC))

        await look_every(PAUSE, look, otherwise="no domain's end is watched")

    return run


async def look_at_domains(kernel: Kernel, database: Database, registrar: Registrar, now: datetime) -> int:
    """Ask INWX about those that are due; return how many ends this call was the first to tell."""
    async with database.engine.begin() as connection:
        due = await take(connection, ExpiryKind.DOMAIN, _HELD, now)
    told = 0
    for row in due:
        try:
            # A task of its own queues for INWX behind the orders that wait already.
            told += await asyncio.create_task(_look(kernel, database, registrar, row, now))
        except (TemporaryError, PermanentError) as error:
            log.warning("a domain's end is not known", domain=row.name, error=str(error))
            await _nothing(database, row, str(error))
            if isinstance(error, InwxLoginError):
                break  # so many more refused logins could lock the account
    return told


async def _look(kernel: Kernel, database: Database, registrar: Registrar, row: Row[Any], now: datetime) -> bool:
    found = await registrar.find(row.name)
    if found is None and row.ends_at is None:  # we keep its zone, and somebody else its registration
        async with database.engine.begin() as connection:
            await saw(connection, row, now, None, problem="its registration is not in our INWX account")
        return False
    if found is None or not found.has_arrived:
        await _nothing(database, row, f"INWX says {found.status}" if found else "not in our INWX account any more")
        return False
    ends_at = found.expires_at or row.ends_at
    renews_itself = found.renewal_mode == RenewalMode.RENEWED
    days = None if ends_at is None else passed(ends_at, now)
    cents = await registrar.renewal(row.name) if renews_itself and days is not None else None
    async with database.engine.begin() as connection:
        await saw(connection, row, now, ends_at, renews_itself=renews_itself, renewal_cents=cents)
    if ends_at is None or days is None:
        return False
    reason = await _doubt(database, registrar, found, ends_at, now)
    if reason is None:
        return False
    event = DomainExpiring(domain=row.name, ends_at=ends_at, days=days, reason=reason, renews_itself=renews_itself)
    return await kernel.announce(_announcement(row, event))


async def _doubt(
    database: Database, registrar: Registrar, found: HeldDomain, ends_at: datetime, now: datetime
) -> RenewalDoubt | None:
    """Why it may not go on. A registry may take a day to renew what is renewed by itself."""
    if found.renewal_mode != RenewalMode.RENEWED:
        return RenewalDoubt.ENDED if ends_at <= now else RenewalDoubt.NOT_RENEWED
    if ends_at <= now - DAILY:
        return RenewalDoubt.ENDED
    async with database.engine.connect() as connection:
        needed = await connection.scalar(
            select(func.sum(Expiry.renewal_cents)).where(
                Expiry.kind == ExpiryKind.DOMAIN, Expiry.ends_at <= ends_at, Expiry.ends_at > now - DAILY
            )
        )
    return RenewalDoubt.NO_CREDIT if await registrar.credit() < (needed or 0) else None


def _announcement(row: Row[Any], event: DomainExpiring) -> Announcement:
    why = {
        RenewalDoubt.NOT_RENEWED: "is not renewed by itself",
        RenewalDoubt.NO_CREDIT: "the account at INWX has too little money to renew it",
        RenewalDoubt.ENDED: "was not renewed",
    }[event.reason]
    return Announcement(
        project_id=row.project_id,
        event=event,
        when=Tell(ExpiryKind.DOMAIN, row.name, event.ends_at, event.days),
        by=EXPIRY,
        message=f"the registration of {row.name} ends on {event.ends_at:%Y-%m-%d}: {why}",
        detail=event.model_dump(mode="json"),
        correlation_id=row.correlation_id,
    )


async def _nothing(database: Database, row: Row[Any], problem: str) -> None:
    async with database.engine.begin() as connection:
        await saw_nothing(connection, row, problem)
