"""Keeps plugins: publishing, yanking, listing. Runs in the caller's transaction."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.core import RELEASE_TYPE, Envelope
from contracts.core import PluginRelease as SignedRelease
from contracts.signatures import SignatureError, verified
from shared.models.plugins import PluginRelease
from shared.plugins.pieces import store


class RegistryError(Exception):
    """What was asked for cannot be done; the message says why and what to do."""


async def publish(
    session: AsyncSession,
    archive: Path,
    envelope: Envelope,
    *,
    trusted: Sequence[Ed25519PublicKey],
    by: str,
) -> SignedRelease:
    """Keep a signed release and its archive. If it is there already, only signatures of other keys are added.

    Raises:
        RegistryError: no `trusted` key signed it, the archive is another one, or the version is there with other
            content: versions never change.

    """
    try:
        release = SignedRelease.model_validate_json(verified(envelope, RELEASE_TYPE, trusted))
    except SignatureError as error:
        raise RegistryError(
            f"the release {error}; sign it with a key whose public half is in VRS_PLUGIN_KEYS"
        ) from None
    known = await session.get(PluginRelease, (release.name, release.version))
    if known is not None:
        known.envelope = _signed_by_both(Envelope.model_validate(known.envelope), envelope, release)
        return release
    session.add(
        PluginRelease(
            name=release.name,
            version=release.version,
            sha256=release.sha256,
            size=release.size,
            core=release.core,
            requires=[need.model_dump() for need in release.requires],
            envelope=envelope.model_dump(by_alias=True),
            published_by=by,
        )
    )
    await session.flush()
    await store(await session.connection(), archive, release.sha256)
    return release


async def yank(session: AsyncSession, name: str, version: str, *, because: str) -> None:
    """Say that nobody may use this release any more. Raises RegistryError if there is no such release."""
    found = await session.execute(
        update(PluginRelease)
        .where(PluginRelease.name == name, PluginRelease.version == version)
        .values(yanked_at=func.now(), yanked_because=because)
        .returning(PluginRelease.name)
    )
    if found.first() is None:
        raise RegistryError(f"{name} {version} was never published; `vrs plugins list` shows what was")


async def releases(session: AsyncSession) -> Sequence[PluginRelease]:
    """Everything that was published, by name and by when."""
    return (await session.scalars(select(PluginRelease).order_by(PluginRelease.name, PluginRelease.published_at))).all()


def _signed_by_both(known: Envelope, new: Envelope, release: SignedRelease) -> dict[str, Any]:
    if new.content != known.content:
        raise RegistryError(
            f"{release.name} {release.version} is published already with other content: give it a new version"
        )
    there = {signature.keyid for signature in known.signatures}
    more = tuple(signature for signature in new.signatures if signature.keyid not in there)
    return known.model_copy(update={"signatures": known.signatures + more}).model_dump(by_alias=True)
