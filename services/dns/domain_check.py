"""How things stand with a domain, for ``vrs domains check``."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import TargetServer
from services.dns.addresses import addresses_of
from services.dns.authority import Authority
from services.dns.examination import examine
from services.dns.inwx import Inwx
from services.dns.models import Placement
from services.dns.reconcile import session_of
from services.dns.registrar import Registrar
from services.dns.servers import read_servers, target_of
from services.dns.settings import DnsSettings
from shared.domain_check import DomainHolder, DomainReport
from shared.host_claims import own_hosts
from shared.http import http_client
from shared.models import ProjectDomain
from shared.settings import load


class _Settings(DnsSettings):
    """The desk has no broker."""

    amqp_url: SecretStr = SecretStr("amqp://nobody.invalid")


async def check_domain(connection: AsyncConnection, domain: str, server: str | None) -> DomainReport:
    """Ask INWX whether it holds the domain or can register it, and the domain's name servers for the rest."""
    settings = load(_Settings)
    target = await _target(connection, domain, server)
    hosts = own_hosts(domain)
    records = addresses_of(hosts, target, settings.record_ttl) if target else []
    report = DomainReport(
        domain=domain, holder=DomainHolder.OURS, leads_to=target.name if target else None, records=tuple(records)
    )
    async with http_client(lease=settings.lease_seconds) as http:
        session = session_of(settings, http)
        if await Inwx(session).zone_of(domain) is None:
            offer = await Registrar(session, name_servers=settings.inwx_name_servers).offer(domain)
            if offer.is_free:
                return replace(
                    report,
                    holder=DomainHolder.NOBODY,
                    cents=offer.cents,
                    currency=offer.currency,
                    is_premium=offer.is_premium,
                )
            report = replace(report, holder=DomainHolder.ELSEWHERE)
    seen = await examine(Authority(settings.dns_servers), hosts, records)
    return replace(report, findings=seen.findings)


async def _target(connection: AsyncConnection, domain: str, server: str | None) -> TargetServer | None:
    if server is not None:
        rows = await read_servers(connection, lock=False)
        found = next((row for row in rows if row.name == server), None)
        if found is None:
            raise ValueError(f"there is no server {server!r}, there are {_names([row.name for row in rows])}")
        return TargetServer.model_validate(target_of(found._mapping))  # noqa: SLF001 - SQLAlchemy's public name
    place = select(Placement.target).join(ProjectDomain, ProjectDomain.project_id == Placement.project_id)
    target = (await connection.scalars(place.where(ProjectDomain.host == domain))).first()
    return TargetServer.model_validate(target) if target else None


def _names(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "none"
