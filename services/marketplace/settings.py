"""What the marketplace service is told by its environment."""

from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AfterValidator, Field, SecretStr

from contracts.signatures import private_key
from shared.settings import Settings


def _readable(key: SecretStr) -> SecretStr:
    private_key(key.get_secret_value())
    return key


class MarketplaceSettings(Settings):
    """`manifest_key` is the Ed25519 private key (32 bytes in base64) with which projects' manifests are signed.

    Without it no vrs-core gets a manifest, and the routes for it answer 503. A token that a vrs-core was given with
    its manifest ends after `core_token_days` without use.
    """

    http_host: str = "0.0.0.0"  # noqa: S104 - a container's port is asked from outside
    http_port: int | None = Field(default=None, ge=0, le=65535)
    manifest_key: Annotated[SecretStr, AfterValidator(_readable)] | None = None
    core_token_days: float = Field(default=30.0, gt=0, le=3650)

    @property
    def signing_key(self) -> Ed25519PrivateKey | None:
        """The key of `manifest_key`."""
        return private_key(self.manifest_key.get_secret_value()) if self.manifest_key else None
