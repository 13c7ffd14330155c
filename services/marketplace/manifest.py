"""What a project's vrs-core is to have: its licences as they are now, what these need, signed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.core import MANIFEST_TYPE, Envelope, Manifest, ManifestPlugin
from contracts.signatures import sign
from shared.models import License, LicenseState, Project, ProjectOrder
from shared.models.plugins import PluginRelease
from shared.plugins.resolve import resolve

IN_FORCE = (LicenseState.PENDING, LicenseState.ACTIVE)
"""A licence is pending until the project is live, and vrs-core needs its plugins before that."""


async def releases_for(session: AsyncSession, project: UUID, core_version: str) -> dict[str, PluginRelease]:
    """Return the releases that this project's licences give it now, by name."""
    licensed = await _licensed(session, project)
    return resolve(licensed, await _reachable(session, licensed), core_version)


async def signed_manifest(
    session: AsyncSession, project: UUID, core_version: str, keys: Sequence[Ed25519PrivateKey]
) -> Envelope:
    """Return the project's manifest: it has everything that was committed before it was issued."""
    issued_at: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()  # before what it tells
    chosen = await releases_for(session, project, core_version)
    plugins = tuple(_listed(release) for release in chosen.values())
    return sign(keys, MANIFEST_TYPE, Manifest(project_id=project, issued_at=issued_at, plugins=plugins))


def archive_path(name: str, version: str) -> str:
    """Where an archive is, below the marketplace's URL."""
    return f"/api/v1/core/plugins/{name}/{version}"


async def _licensed(session: AsyncSession, project: UUID) -> dict[str, str]:
    """Return the licensed version by plugin; where a licence names none, the one that was ordered."""
    ordered = await session.scalar(select(ProjectOrder.plugins).where(ProjectOrder.project_id == project))
    versions = {plugin["name"]: plugin["version"] for plugin in ordered or ()}
    rows = await session.execute(
        select(License.plugin, License.version)
        .join(Project, Project.id == License.project_id)
        .where(Project.vrs_id == project, License.state.in_(IN_FORCE))
    )
    found = {plugin: version or versions.get(plugin) for plugin, version in rows}
    return {plugin: version for plugin, version in found.items() if version is not None}


async def _reachable(session: AsyncSession, licensed: Mapping[str, str]) -> list[PluginRelease]:
    """Every release of the licensed plugins and of whatever any of these may need."""
    found: list[PluginRelease] = []
    known, wanted = set[str](), set(licensed)
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
