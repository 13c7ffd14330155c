"""What vrs-core's boot needs from the environment; Coolify sets it (`services/deploy`), the image adds the rest."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from contracts.signatures import private_key, public_key


class SettingsError(Exception):
    """A setting is missing or wrong; the message names each in one line."""


def _keys(written: object) -> object:
    if not isinstance(written, str):
        return written
    return tuple(public_key(key) for key in written.split(",") if key.strip())


def _readable(key: SecretStr) -> SecretStr:
    private_key(key.get_secret_value())
    return key


Keys = Annotated[tuple[Ed25519PublicKey, ...], NoDecode, BeforeValidator(_keys), Field(min_length=1)]


class CoreSettings(BaseSettings):
    """Prefix ``VRS_``.

    `manifest_keys` and `plugin_keys` are Ed25519 public keys, 32 bytes in base64, with commas between them: while keys
    are changed the old and the new one are trusted. `project_key` is the private key with which the health report is
    signed. `primary_host` is the host name to which all others redirect; None: none does. `core_home` must outlive the
    container, or every start downloads everything.
    """

    model_config = SettingsConfigDict(
        env_prefix="VRS_", extra="ignore", hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    project_id: UUID
    marketplace_url: HttpUrl
    bootstrap_token: SecretStr
    project_key: Annotated[SecretStr, AfterValidator(_readable)]
    manifest_keys: Keys
    plugin_keys: Keys
    primary_host: str | None = None
    core_version: str = Field(default="1.0.0", pattern=r"^[0-9][0-9A-Za-z.+-]*$")
    core_home: Path = Path("/var/lib/vrs-core")
    core_host: str = "0.0.0.0"  # noqa: S104 - the container's proxy asks from outside
    core_port: int = Field(default=8080, ge=0, le=65535)
    core_refresh_seconds: float = Field(default=3600.0, ge=0.1, le=86_400)
    download_seconds: float = Field(default=120.0, gt=0, le=3600)
    check_seconds: float = Field(default=20.0, gt=0, le=600)

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """The project's key."""
        return private_key(self.project_key.get_secret_value())


def load() -> CoreSettings:
    """Read the settings.

    Raises:
        SettingsError: names each variable that is missing or wrong, without its value.

    """
    try:
        return CoreSettings()
    except ValidationError as error:
        problems = [
            f"VRS_{'_'.join(map(str, problem['loc'])).upper()}: "
            + ("is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, "))
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("; ".join(problems)) from None
