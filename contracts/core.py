"""What vrs-core and the marketplace say to each other over HTTP: releases of plugins and a project's manifest, signed.

Signed documents travel in DSSE envelopes (Dead Simple Signing Envelope 1.0.2, payload and signatures in base64). What
is signed with Ed25519 is `Envelope.signed_bytes`. Whoever publishes a plugin signs its `PluginRelease` with a key that
is on no server; the marketplace signs the `Manifest` that names the releases of one project.
"""

import base64
import binascii
import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.event import Facts, Plugin, Slug, Text

MANIFEST_TYPE = "application/vnd.vrs.manifest+json"
RELEASE_TYPE = "application/vnd.vrs.plugin-release+json"
HEALTH_TYPE = "application/vnd.vrs.health+json"
"""What `pre_authenticated` binds a signature to: a signed document of one kind never passes for another."""

MOST_PLUGIN_BYTES = 256 * 1024 * 1024
VERSION_HEADER = "VRS-Core-Version"
"""On whatever vrs-core asks the marketplace: its version, so that releases are chosen that work with it."""

NONCE_HEADER = "VRS-Nonce"
SIGNATURE_HEADER = "VRS-Signature"
"""On ``GET /health``: who asks sends a nonce, vrs-core answers with base64 of Ed25519 over nonce, newline, body."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in lower-case hexadecimal digits."""

EntryPoint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$", max_length=200)]
"""``module:object``, as in Python's packaging metadata."""

Specifier = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.,<>=!~*+\s-]*$", max_length=200)]
"""Versions that will do, as PEP 440 writes them (``>=1.2,<2``); empty: any."""


KEY_FORM = re.compile(r"[A-Za-z0-9_-]{43}")
"""32 bytes in base64url without padding: the form in which Coolify's `.env` file keeps them whole."""


def key_bytes(written: str) -> bytes:
    """Return the bytes of an Ed25519 key, private or public, that is written in base64.

    Any 32 bytes are a private key (RFC 8032, 5.1.5). Raises ValueError if there are not 32.
    """
    key = written.strip().rstrip("=").translate(str.maketrans("+/", "-_"))
    if not KEY_FORM.fullmatch(key):
        raise ValueError("expected an Ed25519 key: 32 bytes in base64")
    return base64.urlsafe_b64decode(key + "=")


def pre_authenticated(payload_type: str, payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


class Signature(BaseModel):
    """One signature; `keyid` is a hint, the first 16 hexadecimal digits of the public key's SHA-256."""

    model_config = ConfigDict(frozen=True)

    keyid: Annotated[str, StringConstraints(max_length=64)] = ""
    sig: Annotated[str, StringConstraints(max_length=200)]


class Envelope(BaseModel):
    """A signed document: `payload` is base64, of `payloadType`."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    payload_type: Annotated[str, Field(alias="payloadType", max_length=100)]
    payload: Annotated[str, StringConstraints(max_length=4_000_000)]
    signatures: Annotated[tuple[Signature, ...], Field(min_length=1, max_length=10)]

    @property
    def content(self) -> bytes:
        """The document's bytes.

        Raises:
            ValueError: `payload` is not base64.

        """
        try:
            return base64.b64decode(self.payload, validate=True)
        except binascii.Error as error:
            raise ValueError(f"payload is not base64: {error}") from None

    @property
    def signed_bytes(self) -> bytes:
        """What the signatures are made over. Raises ValueError as `content` does."""
        return pre_authenticated(self.payload_type, self.content)


class Requirement(Facts):
    """Another plugin that must be there too."""

    name: Slug
    """Its name in the catalogue."""
    versions: Specifier = ""
    """Which of its versions will do."""


class PluginRelease(Plugin):
    """A plugin in one version, as its publisher signed it."""

    sha256: Digest
    """Of the archive."""
    size: Annotated[int, Field(gt=0, le=MOST_PLUGIN_BYTES)]
    """Of the archive, in bytes."""
    entry_point: EntryPoint
    """What the application loads."""
    check: EntryPoint | None = None
    """A function without arguments that raises if the plugin can't work; absent: importing its entry point must do."""
    core: Specifier = ""
    """The versions of vrs-core it works with."""
    requires: Annotated[tuple[Requirement, ...], Field(max_length=50)] = ()
    """The plugins that it needs."""


class ManifestPlugin(Facts):
    """A licensed plugin in a manifest."""

    name: Slug
    """The plugin's name in the catalogue."""
    version: Text
    """The version to install."""
    path: Annotated[str, StringConstraints(pattern=r"^/[!-~]*$", max_length=500)]
    """Where the archive is, below the marketplace's URL."""
    release: Envelope
    """Its `PluginRelease`, signed by who published it."""
    yanked: Text | None = None
    """Why this version must not be used any more; absent: it may."""


class Manifest(Facts):
    """Everything that a project's vrs-core is to have."""

    project_id: UUID
    """The project it was made for; no other accepts it."""
    issued_at: datetime
    """When. An older one than what was accepted before is refused: it would bring back what was taken away."""
    plugins: Annotated[tuple[ManifestPlugin, ...], Field(max_length=200)]
    """What is licensed, and what that needs."""


class ManifestAnswer(BaseModel):
    """The body of ``GET /api/v1/core/manifest``."""

    model_config = ConfigDict(frozen=True)

    manifest: Envelope
    """A signed `Manifest`."""
    token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{20,200}$")]
    """What to present the next time, instead of the token that was presented now."""
