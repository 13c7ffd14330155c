"""Plugins as people publish them: keys, signatures, and the registry."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AfterValidator, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.core import RELEASE_TYPE, Envelope
from contracts.core import PluginRelease as SignedRelease
from contracts.signatures import SignatureError, private_key, public_key, sign, verified, written
from ops.connection import DeskSettings
from ops.failure import CommandError
from shared.database import Database
from shared.plugins.archive import ArchiveError, read_release
from shared.plugins.registry import RegistryError, publish

ENVELOPE_SUFFIX = ".dsse.json"


def _keys(written_keys: str) -> str:
    for key in written_keys.split(","):
        public_key(key)
    return written_keys


class RegistrySettings(DeskSettings):
    """`plugin_keys` are the public keys of who may publish, 32 bytes in base64, with commas between them."""

    plugin_keys: Annotated[str, AfterValidator(_keys)]

    @property
    def trusted(self) -> tuple[Ed25519PublicKey, ...]:
        """The keys of `plugin_keys`."""
        return tuple(public_key(key) for key in self.plugin_keys.split(","))


def make_key(file: Path) -> Ed25519PublicKey:
    """Write a new private key to `file`, readable for its owner alone; return its public half.

    Raises:
        CommandError: the file is there already, or cannot be written.

    """
    key = Ed25519PrivateKey.generate()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as secret:
            secret.write(written(key) + "\n")
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error
    return key.public_key()


def read_key(file: Path) -> Ed25519PrivateKey:
    """Read a private key from `file`. Raises CommandError if there is none."""
    try:
        return private_key(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", exit_code=2) from error
    except ValueError as error:
        raise CommandError(f"{file}: {error}; `vrs plugins keygen` makes one", exit_code=2) from error


def envelope_of(archive: Path) -> Path:
    """Where an archive's envelope is kept: beside it."""
    return archive.with_name(archive.name + ENVELOPE_SUFFIX)


def signed_release(archive: Path, key: Ed25519PrivateKey, known: Envelope | None = None) -> Envelope:
    """Sign what `archive` says of itself. To an envelope that is `known` and says the same the signature is added.

    Raises:
        CommandError: the archive cannot be read, or lacks something.

    """
    new = sign([key], RELEASE_TYPE, describe(archive))
    if known is None or known.content != new.content:
        return new
    others = tuple(each for each in known.signatures if each.keyid != new.signatures[0].keyid)
    return known.model_copy(update={"signatures": others + new.signatures})


def describe(archive: Path) -> SignedRelease:
    """Read the release that `archive` describes. Raises CommandError, a line for each thing that is wrong."""
    try:
        return read_release(archive)
    except ArchiveError as error:
        raise CommandError(str(error)) from error


def read_envelope(file: Path) -> Envelope:
    """Read an envelope. Raises CommandError if `file` holds none."""
    try:
        return Envelope.model_validate_json(file.read_bytes())
    except OSError as error:
        hint = "; `vrs plugins sign` makes it" if file.name.endswith(ENVELOPE_SUFFIX) else ""
        raise CommandError(f"{file}: {error.strerror}{hint}", exit_code=2) from error
    except ValidationError as error:
        raise CommandError(f"{file}: is no DSSE envelope ({error.error_count()} fields are wrong)") from error


async def publish_archive(
    database: Database, archive: Path, envelope: Envelope, *, trusted: Sequence[Ed25519PublicKey], by: str
) -> SignedRelease:
    """Keep a signed archive in the registry: whole or not at all.

    Raises:
        CommandError: the envelope is of another archive, is signed by no `trusted` key, or the version is there with
            other content.

    """
    described = describe(archive)
    try:
        signed = SignedRelease.model_validate_json(verified(envelope, RELEASE_TYPE, trusted))
    except SignatureError as error:
        raise CommandError(f"{archive}: its release {error}: sign it with a key of VRS_PLUGIN_KEYS") from error
    if signed != described:
        fields = [name for name in SignedRelease.model_fields if getattr(signed, name) != getattr(described, name)]
        raise CommandError(f"{archive}: what is signed is not this archive ({', '.join(fields)} differ); sign it again")
    async with AsyncSession(database.engine) as session, session.begin():
        try:
            return await publish(session, archive, envelope, trusted=trusted, by=by)
        except RegistryError as error:
            raise CommandError(str(error)) from error
