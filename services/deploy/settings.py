"""What the deploy service is told by its environment."""

from typing import Annotated

from pydantic import BaseModel, Field, HttpUrl, SecretStr, StringConstraints, field_validator

from shared.settings import Seconds, Settings

Line = Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]


Keys = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}(,[A-Za-z0-9_-]{43})*$")]
"""Ed25519 public keys in base64url without padding, commas between them: what Coolify's `.env` file keeps whole."""


class CoolifyAccess(BaseModel):
    """Which Coolify, and how it may be used.

    Coolify counts requests per user: several deploy processes (and whoever else uses tokens of the same user) share
    `API_RATE_LIMIT`, so give each its part as `VRS_COOLIFY_RATE_LIMIT`.
    """

    coolify_url: HttpUrl
    coolify_token: SecretStr
    coolify_rate_limit: int = Field(default=200, ge=8, description="requests a minute")
    coolify_deployment_minutes: float = Field(default=20, gt=0, description="without progress for so long: stuck")

    @field_validator("coolify_url")
    @classmethod
    def _without_api_path(cls, url: HttpUrl) -> HttpUrl:
        if (url.path or "/").rstrip("/").endswith("/api/v1"):
            raise ValueError("leave out /api/v1")
        return url

    @field_validator("coolify_token")
    @classmethod
    def _whole_token(cls, token: SecretStr) -> SecretStr:
        number, bar, _ = token.get_secret_value().partition("|")
        if not bar or not number.isdigit():
            raise ValueError("give the whole token with its number, as in 7|secret")
        return token

    @property
    def coolify_api(self) -> str:
        """Base URL of the API."""
        return str(self.coolify_url).rstrip("/") + "/api/v1"


class DeskSettings(CoolifyAccess, Settings):
    """For `vrs coolify`, which needs neither broker nor database."""

    amqp_url: SecretStr = SecretStr("amqp://nobody.invalid")
    database_url: SecretStr = SecretStr("postgresql://nobody.invalid")


class DeploySettings(CoolifyAccess, Settings):
    """`VRS_COOLIFY_PROJECT` is a project's uuid, or a name: a project of that name is made if there is none.

    After `deploy_due` seconds its step counts as late, after `deploy_deadline` it is given up; from its end
    `bootstrap_due` counts.
    """

    coolify_project: Line
    marketplace_url: HttpUrl
    deploy_due: Seconds = 600.0
    deploy_deadline: Seconds = 3600.0
    bootstrap_due: Seconds = 300.0
    app_image: Line = "ghcr.io/vrs/vrs-core"
    app_tag: Line = "1.0.0"
    app_port: int = Field(default=8080, ge=1, le=65535)
    app_health_path: Line = "/health"
    manifest_keys: Keys | None = Field(default=None, description="of the marketplace, for vrs-core to trust")
    plugin_keys: Keys | None = Field(default=None, description="of who publishes plugins, for vrs-core to trust")
    app_storage: Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._/-]+)?$")] = Field(
        default="/var/lib/vrs-core",
        description="a folder of the container that outlives it, none if empty; Coolify 4.0.0-beta.470 or newer",
    )
    bootstrap_token_hours: float = Field(default=24, gt=0, le=8760, description="for a container's first manifest")
    app_health_command: Line | None = Field(
        default=None, description="run in the container instead of curl or wget, which an image may lack"
    )
