"""What a project's vrs-core is to have: its licences as they are now, what these need, signed."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.core import MANIFEST_TYPE, Envelope, Manifest, ManifestPlugin
from shared.licenses import licensed
from shared.models import PluginRelease

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


async def may_download(session: AsyncSession, project: UUID, name: str, version: str) -> PluginRelease | None:
    """Return the release if the project's licences give it now: licensed in this version, or what such a one needs.

    Which version of what is needed suits vrs-core, its manifest says.
    """
    versions = await licensed(await session.connection(), project)
    for release in await _reachable(session, versions):
        if (release.name, release.version) == (name, version) and versions.get(name, version) == version:
            return release if release.yanked_at is None else None
    return None


async def signed_manifest(
    session: AsyncSession, project: UUID, core_version: str, keys: Sequence["Ed25519PrivateKey"]
) -> Envelope:
    """Return the project's manifest: it has everything that was committed before it was issued."""
    # With cryptography and packaging, which take 9 MB: not before the first vrs-core asks.
    from contracts.signatures import sign  # noqa: PLC0415
    from shared.plugins.resolve import resolve  # noqa: PLC0415

    issued_at: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()  # before what it tells
    versions = await licensed(await session.connection(), project)
    chosen = await asyncio.to_thread(resolve, versions, await _reachable(session, versions), core_version)
    plugins = tuple(_listed(release) for release in chosen.values())
    return sign(keys, MANIFEST_TYPE, Manifest(project_id=project, issued_at=issued_at, plugins=plugins))


def archive_path(name: str, version: str) -> str:
    """Where an archive is, below the marketplace's URL."""
    return f"/api/v1/core/plugins/{name}/{version}"


async def _reachable(session: AsyncSession, names: Iterable[str]) -> list[PluginRelease]:
    """Every release of these plugins and of whatever any of these may need."""
    found: list[PluginRelease] = []
    known, wanted = set[str](), set(names)
    while wanted:
        new = (await session.scalars(select(PluginRelease).where(PluginRelease.name.in_(wanted)))).all()
        found += new
        known |= wanted
        wanted = {need["name"] for release in new for need in release.requires} - known
    return found


def _listed(release: PluginRelease) -> ManifestPlugin:
    return ManifestPlugin(
        name=release.name,
        version=release.version,
        path=archive_path(release.name, release.version),
        release=Envelope.model_validate(release.envelope),
        yanked=release.yanked_because if release.yanked_at else None,
    )
