"""Watches the certificates of live projects: whether their renewal is overdue."""

import asyncio
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

from sqlalchemy import CompoundSelect, Row, select, union

from contracts import CertificateExpiring
from services.bootstrap.core import Core, NoHealth
from services.bootstrap.health import one_line
from services.bootstrap.models import WatchedCore, WatchedDomain
from shared.database import Database
from shared.expiry import DAILY, EXPIRY, PAUSE, THRESHOLDS, Tell, passed, saw, saw_nothing, take
from shared.messaging.looking import look_every
from shared.models import ExpiryKind, ProjectOrder
from shared.service import Announcement, Background, Kernel

_WWW = "www."


def _names() -> CompoundSelect[UUID, str]:
    """Every name that has a certificate: the ordered one, added ones that work, and the ``www`` of both."""
    ordered = select(WatchedCore.project_id, WatchedCore.fqdn.label("name"))
    added = select(WatchedDomain.project_id, WatchedDomain.domain.label("name")).where(
        WatchedDomain.connected_at.is_not(None)
    )
    own = ordered.join(ProjectOrder, ProjectOrder.project_id == WatchedCore.project_id).where(
        ProjectOrder.base_domain.is_(None)
    )
    doubled = union(own, added).subquery()
    www = select(doubled.c.project_id, (_WWW + doubled.c.name).label("name")).where(~doubled.c.name.startswith(_WWW))
    return union(ordered, added, www)


_LIVE = _names()

LEAST_OF_LIFE = 6
"""Traefik renews a certificate of 90 days when 30 are left: in the last sixth of its life that is overdue."""


def watch_certificates(database: Database, core: Core) -> Background:
    """Look at some every minute, for as long as the service runs; a database that is away is waited for."""

    async def run(kernel: Kernel) -> None:
        async def look() -> None:
            await look_at_certificates(kernel, database, core, datetime.now(UTC))

        await look_every(PAUSE, look, otherwise="no certificate's end is watched")

    return run


async def look_at_certificates(kernel: Kernel, database: Database, core: Core, now: datetime) -> int:
    """Look at those that are due; return how many ends this call was the first to tell."""
    async with database.engine.begin() as connection:
        due = await take(connection, ExpiryKind.CERTIFICATE, _LIVE, now)
        servers = select(WatchedCore.project_id, WatchedCore.ipv4).where(
            WatchedCore.project_id.in_([row.project_id for row in due])
        )
        ipv4 = {each.project_id: IPv4Address(each.ipv4) for each in await connection.execute(servers)}
    due = [row for row in due if row.project_id in ipv4]  # others were cancelled in between
    found = await asyncio.gather(*(core.certificate(fqdn=row.name, ipv4=ipv4[row.project_id]) for row in due))
    told = 0
    for row, certificate in zip(due, found, strict=True):
        began_at, ends_at, issuer = row.began_at, row.ends_at, row.issuer
        async with database.engine.begin() as connection:
            if isinstance(certificate, NoHealth):
                await saw_nothing(connection, row, certificate.reason)
            else:
                began_at, ends_at, issuer = certificate.began_at, certificate.expires_at, one_line(certificate.issuer)
                await saw(connection, row, now, ends_at, began_at=began_at, issuer=issuer)
        if ends_at is not None:
            told += await _tell(kernel, row, began_at, ends_at, issuer, now)
    return told


async def _tell(
    kernel: Kernel, row: Row[Any], began_at: datetime, ends_at: datetime, issuer: str, now: datetime
) -> bool:
    """One that has ended is not shown any more: what was seen of it last counts."""
    days = passed(ends_at, now, [each for each in THRESHOLDS if each * LEAST_OF_LIFE * DAILY <= ends_at - began_at])
    if days is None:
        return False
    event = CertificateExpiring(host=row.name, issuer=issuer, ends_at=ends_at, days=days)
    return await kernel.announce(
        Announcement(
            project_id=row.project_id,
            event=event,
            when=Tell(ExpiryKind.CERTIFICATE, row.name, ends_at, days),
            by=EXPIRY,
            message=f"the certificate for {row.name} from {issuer} ends on {ends_at:%Y-%m-%d} and was not renewed",
            detail=event.model_dump(mode="json"),
            correlation_id=row.correlation_id,
        )
    )
