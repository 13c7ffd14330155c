"""Settings from the environment, prefix ``VRS_``; each may come from a file named by ``VRS_…_FILE`` instead."""

import os
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.lease import DEFAULT_LEASE

PREFIX = "VRS_"


class SettingsError(Exception):
    """A setting is missing or wrong. The message is one line that names the variable and the remedy."""


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"  # console on a terminal, else JSON
    JSON = "json"
    CONSOLE = "console"


class SecretFiles(PydanticBaseSettingsSource):
    """Reads ``VRS_X`` from the file that ``VRS_X_FILE`` names, as container platforms mount secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - pydantic's signature
        """Return the file's text without its trailing newline; None if it is empty or there is no such variable."""
        variable = f"{PREFIX}{field_name.upper()}_FILE"
        path = os.environ.get(variable)
        if path is None:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\n") or None, field_name, False
        except OSError as error:
            raise SettingsError(f"{variable}: cannot read {path}: {error.strerror}") from error

    def __call__(self) -> dict[str, Any]:
        """Return what the files hold, by field name."""
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def _of_scheme(url: SecretStr, schemes: tuple[str, ...]) -> SecretStr:
    """Refuse what could be waited for in vain."""
    try:
        parts = urlsplit(url.get_secret_value())
        known = parts.scheme in schemes and (parts.hostname or "host=" in parts.query) and parts.port != 0
    except ValueError:  # a port that is no number
        known = False
    if not known:
        raise ValueError(f"expected {schemes[0]}://user:password@host:port/name")
    return url


DatabaseUrl = Annotated[
    SecretStr, AfterValidator(partial(_of_scheme, schemes=("postgresql", "postgres", "postgresql+asyncpg")))
]


Seconds = Annotated[float, Field(gt=0, le=30 * 86_400)]
"""When a step counts as late, and when it is given up."""


class Settings(BaseSettings):
    """What every service needs. A secret has no default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", hide_input_in_errors=True)

    amqp_url: Annotated[SecretStr, AfterValidator(partial(_of_scheme, schemes=("amqp", "amqps")))]
    database_url: DatabaseUrl
    database_direct_url: DatabaseUrl | None = None
    database_prepared_statements: bool = True
    database_pool_size: int = Field(default=5, ge=2, le=100)
    log_format: LogFormat = LogFormat.AUTO
    log_level: str = "INFO"
    health_host: str = "0.0.0.0"  # noqa: S104 - a container's health port is asked from outside
    health_port: int | None = Field(default=None, ge=0, le=65535)
    lease_seconds: float = Field(default=DEFAULT_LEASE, ge=1, le=3600)
    outbox_alarm_seconds: float = Field(default=30.0, ge=1, le=3600)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then secret files."""
        return init_settings, env_settings, SecretFiles(settings_cls)


SettingsT = TypeVar("SettingsT", bound=Settings)


def load(settings: type[SettingsT]) -> SettingsT:
    """Read `settings` from the environment.

    Raises:
        SettingsError: names each variable that is missing or wrong, on one line, without its value.

    """
    try:
        return settings()
    except ValidationError as error:
        problems = [
            f"{PREFIX}{'_'.join(map(str, problem['loc'])).upper()}: "
            + ("is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, "))
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("; ".join(problems) + " (see docs/settings.md)") from None
