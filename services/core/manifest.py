"""What a manifest says, and which of its plugins may be installed: signature, project, age, versions, needs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion
from pydantic import ValidationError

from contracts.core import MANIFEST_TYPE, RELEASE_TYPE, Envelope, Manifest, ManifestPlugin, PluginRelease
from contracts.signatures import SignatureError, verified
from services.core.errors import ManifestRefusedError, PluginRefusedError


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom this project's vrs-core believes. Several keys of a kind: one of them is being replaced."""

    project_id: UUID
    core_version: str
    manifest_keys: Sequence[Ed25519PublicKey]
    plugin_keys: Sequence[Ed25519PublicKey]


def believe(envelope: Envelope, trust: Trust, *, not_before: datetime | None) -> Manifest:
    """Return the manifest in `envelope`.

    Raises:
        ManifestRefusedError: it is not signed as it must be, for another project, or older than `not_before`.

    """
    try:
        manifest = Manifest.model_validate_json(verified(envelope, MANIFEST_TYPE, trust.manifest_keys))
    except SignatureError as error:
        raise ManifestRefusedError(f"the manifest {error}; compare VRS_MANIFEST_KEYS with the marketplace's") from None
    except ValidationError as error:
        raise ManifestRefusedError(f"the manifest cannot be read: {error.error_count()} fields are wrong") from error
    if manifest.project_id != trust.project_id:
        raise ManifestRefusedError(f"the manifest is for project {manifest.project_id}, this is {trust.project_id}")
    if not_before is not None and manifest.issued_at < not_before:
        raise ManifestRefusedError(
            f"the manifest of {manifest.issued_at:%Y-%m-%d %H:%M:%S} is older than the one of "
            f"{not_before:%Y-%m-%d %H:%M:%S} that was accepted before"
        )
    return manifest


def acceptable(plugin: ManifestPlugin, trust: Trust) -> PluginRelease:
    """Return the release that a manifest names.

    Raises:
        PluginRefusedError: yanked, not signed by its publisher, another plugin's, or for another vrs-core.

    """
    name = f"{plugin.name} {plugin.version}"
    if plugin.yanked is not None:
        raise PluginRefusedError(f"{name} was yanked: {plugin.yanked}")
    try:
        release = PluginRelease.model_validate_json(verified(plugin.release, RELEASE_TYPE, trust.plugin_keys))
    except SignatureError as error:
        raise PluginRefusedError(f"{name} was tampered with: its release {error}") from None
    except ValidationError as error:
        raise PluginRefusedError(
            f"{name}: its release cannot be read: {error.error_count()} fields are wrong"
        ) from None
    if (release.name, release.version) != (plugin.name, plugin.version):
        raise PluginRefusedError(f"{name} was tampered with: its release is {release.name} {release.version}")
    if not _contains(release.core, trust.core_version):
        raise PluginRefusedError(
            f"{name} is incompatible: it works with vrs-core {release.core}, this is {trust.core_version}"
        )
    return release


def without_what_they_need(releases: Mapping[str, PluginRelease]) -> dict[str, str]:
    """Return, by name, why a release can't be in the set `releases`; also who needs one that can't."""
    left, reasons = dict(releases), dict[str, str]()
    while unmet := {name: why for name, release in left.items() if (why := _unmet(release, left.values()))}:
        reasons |= unmet
        left = {name: release for name, release in left.items() if name not in unmet}
    return reasons


def _unmet(release: PluginRelease, others: Iterable[PluginRelease]) -> str | None:
    there = {other.name: other.version for other in others}
    for need in release.requires:
        if need.name not in there or not _contains(need.versions, there[need.name]):
            wanted = f"{release.name} {release.version} needs {need.name} {need.versions}".rstrip()
            return f"{wanted}, there is {there.get(need.name, 'none')}"
    return None


def _contains(versions: str, version: str) -> bool:
    try:
        return SpecifierSet(versions).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False
