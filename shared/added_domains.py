"""The domains that a project is given after its order: who may have them, decided under the project's lock.

Whoever says that a domain is added or removed writes it down here in the same commit; dns, which hears of it, writes
the same once more. Of two wishes about a domain the newer counts, in whatever order they are heard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.host_claims import ClaimHosts, HostProblem, HostRefused, own_hosts
from shared.models import AddedDomain, BaseDomain, ProjectDomain

_NEW: dict[str, Any] = {"is_new": True, "connected_at": None, "findings": [], "reminders": 0}
_NEVER_ROUTED: dict[str, Any] = {"revision": 0, "since": 0}


class Decided(StrEnum):
    """What became of a wish about a domain."""

    DONE = "done"
    OLDER = "older"  # something newer about the domain was heard before
    ALREADY = "already"  # the name is the project's without it: ordered, or the www of another domain of its
    PRIMARY = "primary"  # the primary domain is not removed


@dataclass(frozen=True, slots=True)
class ClaimDomain:
    """A `Write`: the project is to have the domain and its ``www``, unless something newer than `said_at` was heard.

    Result: DONE, OLDER or ALREADY; `HostRefused` if another project holds a name, or it lies in a base domain.
    """

    domain: str
    primary: bool
    said_at: datetime
    rank: ClassVar[int] = 40

    @property
    def kind(self) -> object:
        """One batch."""
        return "claim_domain"

    @classmethod
    async def apply(
        cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]
    ) -> list[Decided | HostRefused]:
        """Claim one after the other: they are few."""
        return [await _claim(connection, project_id, write) for project_id, write in batch]


@dataclass(frozen=True, slots=True)
class DropDomain:
    """A `Write`: the project is not to have the domain any more, unless something newer than `said_at` was heard.

    Its names stay claimed until nothing leads to them. Result: DONE, OLDER, PRIMARY, or ALREADY if it was ordered.
    """

    domain: str
    said_at: datetime
    rank: ClassVar[int] = 40

    @property
    def kind(self) -> object:
        """One batch."""
        return "drop_domain"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> list[Decided]:
        """Drop one after the other."""
        return [await _drop(connection, project_id, write) for project_id, write in batch]


async def added_domains(connection: AsyncConnection, project_id: UUID) -> list[Any]:
    """Read what is known of the project's added domains, also of those that were removed again."""
    table = AddedDomain.__table__
    return list((await connection.execute(select(table).where(table.c.project_id == project_id))).all())


async def _claim(connection: AsyncConnection, project_id: UUID, write: ClaimDomain) -> Decided | HostRefused:
    rows = await added_domains(connection, project_id)
    known = next((row for row in rows if row.domain == write.domain), None)
    if known is not None and known.said_at > write.said_at:
        return Decided.OLDER
    hosts = own_hosts(write.domain)
    holders = await _holders(connection, hosts)
    if taken := next((host for host, row in holders.items() if row.project_id != project_id), None):
        return HostRefused(HostProblem.TAKEN, taken)
    if known is None and not all(row.is_coming for row in holders.values()):
        return Decided.ALREADY
    bases = set((await connection.scalars(select(BaseDomain.name))).all())
    if refused := ClaimHosts(hosts, None).refusal(bases, bases):
        return refused
    claims = [{"host": host, "project_id": project_id, "is_primary": False} for host in sorted(hosts)]
    await connection.execute(insert(ProjectDomain).on_conflict_do_nothing(), claims)
    holders |= await _holders(connection, hosts)
    mine = ProjectDomain.host.in_(hosts), ProjectDomain.project_id == project_id
    if taken := next((host for host, row in holders.items() if row.project_id != project_id), None):
        await connection.execute(delete(ProjectDomain).where(*mine))
        return HostRefused(HostProblem.TAKEN, taken)
    if any(row.is_coming for row in holders.values()):
        await connection.execute(update(ProjectDomain).where(*mine).values(is_coming=False))
    wishes = [row.primary_said_at for row in rows if row.primary_said_at]
    values = {
        "project_id": project_id,
        "domain": write.domain,
        "said_at": write.said_at,
        "is_wanted": True,
        "makes_primary": write.primary and all(at <= write.said_at for at in wishes),
        "primary_said_at": max(wishes, default=None),
        **({} if known is not None and known.is_wanted else _NEW),
    }
    keys = ("project_id", "domain")
    others = {name: value for name, value in values.items() if name not in keys}
    claim = insert(AddedDomain).values(_NEVER_ROUTED | _NEW | values)
    await connection.execute(claim.on_conflict_do_update(index_elements=keys, set_=others))
    return Decided.DONE


async def _drop(connection: AsyncConnection, project_id: UUID, write: DropDomain) -> Decided:
    rows = await added_domains(connection, project_id)
    known = next((row for row in rows if row.domain == write.domain), None)
    if known is not None and known.said_at > write.said_at:
        return Decided.OLDER
    held = select(ProjectDomain.is_primary).where(
        ProjectDomain.host == write.domain, ProjectDomain.project_id == project_id, ~ProjectDomain.is_coming
    )
    is_primary = await connection.scalar(held)
    if is_primary:
        return Decided.PRIMARY
    if known is None and is_primary is not None:
        return Decided.ALREADY
    values = {"said_at": write.said_at, "is_wanted": False, "makes_primary": False}
    row = insert(AddedDomain).values({"project_id": project_id, "domain": write.domain} | _NEVER_ROUTED | _NEW | values)
    await connection.execute(row.on_conflict_do_update(index_elements=("project_id", "domain"), set_=values))
    return Decided.DONE


async def _holders(connection: AsyncConnection, hosts: Sequence[str]) -> dict[str, Any]:
    found = select(ProjectDomain.host, ProjectDomain.project_id, ProjectDomain.is_coming)
    return {row.host: row for row in await connection.execute(found.where(ProjectDomain.host.in_(hosts)))}
