"""A project's routes: all its domains whose names lead to its server, and the primary one. Changed under its lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import RoutedDomain, RoutesChanged, TargetServer
from shared.added_domains import added_domains
from shared.host_claims import own_hosts
from shared.models import AddedDomain, DomainTransfer, ProjectDomain, ProjectOrder, TransferStage


class Change(StrEnum):
    """What has happened to a domain."""

    POINTED = "pointed"  # its names lead to the server
    REMOVED = "removed"  # it is not wanted any more
    FREED = "freed"  # and nothing leads to its names: others may have them
    CONNECTED = "connected"  # it works
    CHOSEN = "chosen"  # it is to be the primary one


class Verdict(StrEnum):
    """What became of a change."""

    DONE = "done"
    OLDER = "older"  # something newer was heard before
    UNKNOWN = "unknown"  # nothing is known of the domain (yet)
    LATER = "later"  # it becomes the primary one when it works


@dataclass(frozen=True, slots=True)
class Routes:
    """All domains of a project, the one that was ordered first. `primary` is a host name."""

    revision: int
    domains: tuple[RoutedDomain, ...]
    primary: str

    def told(self, server: TargetServer) -> RoutesChanged:
        """As an event."""
        return RoutesChanged(revision=self.revision, domains=self.domains, primary=self.primary, server=server)


@dataclass(frozen=True, slots=True)
class ChangeRoutes:
    """A `Write`: the change, unless something newer was heard. Done twice it is done once, and answers the same.

    `said_at` is when that was said which the change follows, `since` the revision of what is connected. Result: the
    verdict, and the routes as they are now if others must hear of them.
    """

    change: Change
    domain: str
    said_at: datetime
    since: int = 0
    rank: ClassVar[int] = 42

    @property
    def kind(self) -> object:
        """One batch."""
        return "change_routes"

    @classmethod
    async def apply(
        cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]
    ) -> list[tuple[Verdict, Routes | None]]:
        """Change one after the other: they are few."""
        return [await _HOW[write.change](_Project(connection, project_id), write) for project_id, write in batch]


@dataclass(frozen=True, slots=True)
class _Project:
    connection: AsyncConnection
    id: UUID

    async def added(self) -> dict[str, Any]:
        return {row.domain: row for row in await added_domains(self.connection, self.id)}

    async def set(self, domain: str | None, **values: Any) -> None:
        """Change the row of `domain`, or all of the project's."""
        rows = update(AddedDomain).where(AddedDomain.project_id == self.id)
        await self.connection.execute(
            (rows if domain is None else rows.where(AddedDomain.domain == domain)).values(values)
        )

    async def next(self) -> int:
        last = select(func.max(AddedDomain.revision)).where(AddedDomain.project_id == self.id)
        return (await self.connection.scalar(last) or 0) + 1

    async def ordered(self) -> str:
        fqdn = select(ProjectOrder.fqdn).where(ProjectOrder.project_id == self.id)
        return str(await self.connection.scalar(fqdn))

    async def primary(self) -> str | None:
        primary = select(ProjectDomain.host).where(ProjectDomain.project_id == self.id, ProjectDomain.is_primary)
        return await self.connection.scalar(primary)

    async def make_primary(self, host: str) -> None:
        """One at a time: the index allows no two."""
        mine = update(ProjectDomain).where(ProjectDomain.project_id == self.id)
        await self.connection.execute(mine.where(ProjectDomain.is_primary).values(is_primary=False))
        await self.connection.execute(mine.where(ProjectDomain.host == host).values(is_primary=True))

    async def routes(self) -> Routes:
        added = await self.added()
        of_added = {host for domain in added for host in own_hosts(domain)}
        these = select(ProjectDomain.host).where(ProjectDomain.project_id == self.id, ~ProjectDomain.is_coming)
        held = await self.connection.scalars(these)
        ordered = await self.ordered()
        hosts = sorted(set(held) - of_added | {ordered}, key=lambda host: (host != ordered, host))
        routed = sorted((row for row in added.values() if row.pointed_at), key=lambda row: row.since)
        return Routes(
            revision=max((row.revision for row in added.values()), default=0),
            domains=(
                RoutedDomain(domain=ordered, hosts=tuple(hosts), since=0),
                *(RoutedDomain(domain=row.domain, hosts=own_hosts(row.domain), since=row.since) for row in routed),
            ),
            primary=await self.primary() or ordered,
        )


async def _pointed(project: _Project, write: ChangeRoutes) -> tuple[Verdict, Routes | None]:
    row = (await project.added()).get(write.domain)
    if row is None or not row.is_wanted or row.said_at > write.said_at:
        return Verdict.OLDER, None
    if row.is_new:
        revision = await project.next()
        told = {"is_new": False, "revision": revision, "since": revision, "pointed_at": func.clock_timestamp()}
        await project.set(row.domain, **told, findings=[])
    return Verdict.DONE, await project.routes()


async def _removed(project: _Project, write: ChangeRoutes) -> tuple[Verdict, Routes | None]:
    row = (await project.added()).get(write.domain)
    if row is None or row.is_wanted:
        return Verdict.OLDER, None
    if row.pointed_at:
        revision = await project.next()
        await project.set(row.domain, revision=revision, pointed_at=None, connected_at=None)
    return Verdict.DONE, await project.routes() if row.since else None


async def _freed(project: _Project, write: ChangeRoutes) -> tuple[Verdict, Routes | None]:
    row = (await project.added()).get(write.domain)
    if row is None or row.is_wanted:
        return Verdict.OLDER, None
    mine = ProjectDomain.host.in_(own_hosts(row.domain)), ProjectDomain.project_id == project.id
    comes = select(DomainTransfer.stage).where(
        DomainTransfer.project_id == project.id,
        DomainTransfer.domain == row.domain,
        DomainTransfer.stage != TransferStage.TRANSFERRED,
    )
    if await project.connection.scalar(comes):  # it is still claimed for that
        await project.connection.execute(update(ProjectDomain).where(*mine).values(is_coming=True))
    else:
        await project.connection.execute(delete(ProjectDomain).where(*mine))
    return Verdict.DONE, None


async def _connected(project: _Project, write: ChangeRoutes) -> tuple[Verdict, Routes | None]:
    row = (await project.added()).get(write.domain)
    if row is None or not row.is_wanted or row.since != write.since:
        return Verdict.OLDER, None
    if row.connected_at is None:
        await project.set(row.domain, connected_at=func.clock_timestamp())
    if row.makes_primary:
        await project.set(row.domain, makes_primary=False, revision=await project.next())
        await project.make_primary(row.domain)
    return Verdict.DONE, await project.routes() if await project.primary() == row.domain else None


async def _chosen(project: _Project, write: ChangeRoutes) -> tuple[Verdict, Routes | None]:
    added = await project.added()
    row, ordered, primary = added.get(write.domain), await project.ordered(), await project.primary()
    if any(each.primary_said_at and each.primary_said_at > write.said_at for each in added.values()):
        return Verdict.OLDER, None
    if row is not None and not row.is_wanted and row.said_at > write.said_at:
        return Verdict.OLDER, None
    if write.domain != ordered and (row is None or not row.is_wanted):
        return Verdict.UNKNOWN, None
    await project.set(None, primary_said_at=write.said_at, makes_primary=False)
    if row is not None and row.connected_at is None:
        await project.set(row.domain, makes_primary=True)
        return Verdict.LATER, None
    if primary != write.domain:
        await project.set(row.domain if row is not None else str(primary), revision=await project.next())
        await project.make_primary(write.domain)
    return Verdict.DONE, await project.routes() if added else None


_HOW = {
    Change.POINTED: _pointed,
    Change.REMOVED: _removed,
    Change.FREED: _freed,
    Change.CONNECTED: _connected,
    Change.CHOSEN: _chosen,
}
