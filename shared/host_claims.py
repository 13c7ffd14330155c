"""The host names under which a project answers, and the claim to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import BindParameter, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import ProjectOrdered
from shared.models import BaseDomain, ProjectDomain
from shared.names import hold
from shared.reserved_names import is_reserved

_HOSTS: BindParameter[Any] = bindparam("hosts", expanding=True)
_PROJECTS: BindParameter[Any] = bindparam("projects", expanding=True)
_BASE_DOMAINS = select(BaseDomain.name)
_HELD = select(ProjectDomain.host, ProjectDomain.project_id, ProjectDomain.is_primary, ProjectDomain.is_coming)
_HELD_BY_PROJECTS = _HELD.where(ProjectDomain.project_id.in_(_PROJECTS))
_HOLDERS = _HELD.where(ProjectDomain.host.in_(_HOSTS))
_CLAIM = insert(ProjectDomain).on_conflict_do_nothing()
_GIVE_UP = delete(ProjectDomain).where(ProjectDomain.host.in_(_HOSTS))


def hosts_of(order: ProjectOrdered) -> tuple[str, ...]:
    """The project's host names, the primary one first: an own domain also answers under its ``www``."""
    return (order.fqdn,) if order.own_domain is None else own_hosts(order.own_domain)


def own_hosts(domain: str) -> tuple[str, ...]:
    """The host names of a project with a domain of its own."""
    return (domain,) if domain.startswith("www.") else (domain, f"www.{domain}")


class HostProblem(StrEnum):
    """Why a project cannot have the names it ordered."""

    TAKEN = "host_taken"
    UNKNOWN_BASE_DOMAIN = "base_domain_unknown"
    UNDER_BASE_DOMAIN = "own_domain_under_base_domain"
    RESERVED = "slug_reserved"


@dataclass(frozen=True, slots=True)
class HostRefused:
    """The claim failed because of `host`; the project holds no name at all now."""

    problem: HostProblem
    host: str

    @property
    def sentence(self) -> str:
        """Why the host name cannot be had."""
        return {
            HostProblem.TAKEN: f"{self.host} belongs to another project",
            HostProblem.UNKNOWN_BASE_DOMAIN: f"{self.host} is none of our base domains",
            HostProblem.UNDER_BASE_DOMAIN: f"{self.host} lies in a base domain of ours, whose names are given by slug",
            HostProblem.RESERVED: f"{self.host} is reserved",
        }[self.problem]


@dataclass(frozen=True, slots=True)
class ClaimHosts:
    """Claims `hosts` for the project, the primary one first, and gives up others that it held, but for a transfer's.

    Result: None, or `HostRefused` if another project holds one, the slug is reserved, the base domain is not ours, or
    an own domain lies in a base domain (whose names are given by slug only).
    """

    hosts: tuple[str, ...]
    base_domain: str | None
    rank: ClassVar[int] = 40

    @property
    def kind(self) -> object:
        """One batch."""
        return "claim_hosts"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> list[HostRefused | None]:
        """Claim for the whole batch; whoever is refused keeps nothing."""
        wanted = {write.base_domain for _, write in batch if write.base_domain}
        held = set((await connection.scalars(hold(*wanted))).all()) if wanted else set()
        bases = set((await connection.scalars(_BASE_DOMAINS)).all())
        refused = {project: write.refusal(bases, held) for project, write in batch}
        kept = {project: {} if refused[project] else write.wanted() for project, write in batch}
        await _give_up(connection, kept)
        claims = [
            {"host": host, "project_id": project, "is_primary": is_primary}
            for project, hosts in kept.items()
            for host, is_primary in hosts.items()
        ]
        if claims:  # sorted, so that two transactions never wait for each other's names
            await connection.execute(_CLAIM, sorted(claims, key=lambda claim: str(claim["host"])))
            found = await connection.execute(_HOLDERS, {"hosts": [claim["host"] for claim in claims]})
            holders = {row.host: row.project_id for row in found}
            for project, write in batch:
                taken = next((host for host in write.hosts if holders.get(host) != project), None)
                if taken and not refused[project]:
                    refused[project] = HostRefused(HostProblem.TAKEN, taken)
            await _give_up(connection, {project: {} for project, _ in batch if refused[project]})
        return [refused[project] for project, _ in batch]

    def wanted(self) -> dict[str, bool]:
        """Each host, and whether it is the primary one."""
        return {host: host == self.hosts[0] for host in self.hosts}

    def refusal(self, bases: set[str], held: set[str]) -> HostRefused | None:
        """What the base domains, those of them that nobody removes now, and the reserved names say."""
        if self.base_domain is not None:
            if self.base_domain not in held:
                return HostRefused(HostProblem.UNKNOWN_BASE_DOMAIN, self.base_domain)
            slug = self.hosts[0].removesuffix(f".{self.base_domain}")
            taken = is_reserved(slug) or self.hosts[0] in bases
            return HostRefused(HostProblem.RESERVED, self.hosts[0]) if taken else None
        for base in bases:
            if f".{self.hosts[0]}".endswith(f".{base}"):
                return HostRefused(HostProblem.UNDER_BASE_DOMAIN, self.hosts[0])
        return None


async def obstacle(connection: AsyncConnection, hosts: tuple[str, ...], base_domain: str | None) -> HostRefused | None:
    """Tell why a claim would be refused as things stand; None if it would not. Claims nothing."""
    bases = set((await connection.scalars(_BASE_DOMAINS)).all())
    if refused := ClaimHosts(hosts, base_domain).refusal(bases, bases):
        return refused
    held = {row.host for row in await connection.execute(_HOLDERS, {"hosts": list(hosts)})}
    return next((HostRefused(HostProblem.TAKEN, host) for host in hosts if host in held), None)


async def _give_up(connection: AsyncConnection, keep: Mapping[UUID, Mapping[str, bool]]) -> None:
    """Delete names that the projects do not keep exactly so; those of a transfer stay, unless they are ordered."""
    if not keep:
        return
    held = (await connection.execute(_HELD_BY_PROJECTS, {"projects": list(keep)})).all()
    stale = [row.host for row in held if _is_stale(row, keep[row.project_id])]
    if stale:
        await connection.execute(_GIVE_UP, {"hosts": stale})


def _is_stale(row: Any, kept: Mapping[str, bool]) -> bool:
    if row.host in kept:
        return bool(row.is_coming) or kept[row.host] is not row.is_primary
    return not row.is_coming
