"""What Coolify takes and gives, as far as we use it. Unknown keys of its answers are ignored.

Sensitive fields (values of variables, logs) are absent without the ability `read:sensitive`, so nothing here has them.
What it takes is spelled out: Coolify refuses a request with an unknown field, so a typo must not get that far.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


class DeploymentStatus(StrEnum):
    """`app/Enums/ApplicationDeploymentStatus.php`; note the hyphens."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled-by-user"
    UNKNOWN = "unknown"  # of a later Coolify: wait for one that we know

    @classmethod
    def _missing_(cls, value: object) -> "DeploymentStatus":  # noqa: ARG003 - enum's signature
        return cls.UNKNOWN

    @property
    def is_live(self) -> bool:
        """Whether more is to come."""
        return self in (DeploymentStatus.QUEUED, DeploymentStatus.IN_PROGRESS, DeploymentStatus.UNKNOWN)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Created(_Answer):
    """What every create answers."""

    uuid: str


class Project(_Answer):
    """A folder for environments. Names are not unique."""

    uuid: str
    id: int = 0
    name: str | None = None


class _HasUuid(_Answer):
    uuid: str


class Destination(_Answer):
    """Where an application runs."""

    server: _HasUuid


class Application(_Answer):
    """An application. `status` is ``<state>:<health>``, in old versions ``<state> (<health>)``.

    `fqdn` are its URLs, with commas between them. Its tags and its project stand elsewhere.
    """

    uuid: str
    name: str | None = None
    description: str | None = None
    status: str = ""
    fqdn: str | None = None
    docker_registry_image_name: str | None = None
    docker_registry_image_tag: str | None = None
    environment_id: int | None = None
    destination: Destination | None = None
    created_at: AwareDatetime | None = None

    @property
    def is_running(self) -> bool:
        """Whether its container runs, healthy or not."""
        return self.status.startswith("running")


class EnvironmentName(_Answer):
    """An environment without what is in it."""

    id: int
    name: str


class Environment(_Answer):
    """An environment with its applications."""

    uuid: str
    id: int = 0
    name: str
    applications: tuple[Application, ...] = ()


class Tag(_Answer):
    """A label of an application."""

    name: str


class VariableRow(_Answer):
    """A variable as it stands there, without its value."""

    uuid: str
    key: str
    is_preview: bool = False


class OwnApplication(Application):
    """The application of a service of ours, with what can be changed by hand."""

    ports_exposes: str | None = None
    custom_docker_run_options: str | None = None
    limits_memory: str | None = None
    limits_cpus: str | None = None
    health_check_enabled: bool = False
    health_check_command: str | None = None


class OwnEnvironment(_Answer):
    """An environment with the applications of our services."""

    applications: tuple[OwnApplication, ...] = ()


class Deployment(_Answer):
    """One deployment, live or over."""

    uuid: str = Field(alias="deployment_uuid")
    status: DeploymentStatus
    server_name: str | None = None


def _values(given: Any) -> Any:
    """``GET /deployments`` is an object with index keys when its ids come unordered."""
    return list(given.values()) if isinstance(given, Mapping) else given


Deployments = Annotated[list[Deployment], BeforeValidator(_values)]


class ApplicationDeployments(_Answer):
    """An application's deployments, newest first."""

    deployments: tuple[Deployment, ...] = ()


class Requested(_Answer):
    """One entry of the answer to ``POST /deploy``. A skipped deployment's uuid was never stored."""

    deployment_uuid: str


class DeployAnswer(_Answer):
    """What ``POST /deploy`` answers for one application."""

    deployments: tuple[Requested] = Field(min_length=1)


class ServerSettings(_Answer):
    """The only place where ``GET /servers/{uuid}`` tells whether a server can be used."""

    is_reachable: bool = False
    is_usable: bool = False
    deployment_queue_limit: int = 25


class Server(_Answer):
    """A server and how much it takes."""

    uuid: str
    name: str
    settings: ServerSettings = ServerSettings()

    @property
    def is_usable(self) -> bool:
        """Whether it can be deployed to."""
        return self.settings.is_reachable and self.settings.is_usable


class _Container(BaseModel):
    """What create and ``PATCH /applications/{uuid}`` both take. `ports_exposes` and limits are strings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=255)
    description: str = Field(max_length=255)
    docker_registry_image_name: str
    docker_registry_image_tag: str
    ports_exposes: str
    health_check_enabled: bool = True
    health_check_type: Literal["http", "cmd"]
    health_check_command: str | None = Field(pattern=r"^[a-zA-Z0-9 \-_./:=@,+]+$", max_length=1000)
    health_check_path: str
    health_check_port: int
    health_check_interval: int
    health_check_timeout: int
    health_check_retries: int
    health_check_start_period: int
    limits_memory: str
    limits_cpus: str


class ApplicationFields(_Container):
    """The application of a customer's project."""

    domains: str


class OwnFields(_Container):
    """The application of a service of ours; without `domains` nothing outside reaches it."""

    domains: str | None
    custom_docker_run_options: str = Field(max_length=2000)


class ApplicationChanges(BaseModel):
    """Some of the fields of an application, for ``PATCH /applications/{uuid}``; what is None stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    description: str | None = None
    docker_registry_image_name: str | None = None
    docker_registry_image_tag: str | None = None
    domains: str | None = None


class _Created(BaseModel):
    """What only ``POST /applications/dockerimage`` takes."""

    project_uuid: str
    server_uuid: str
    environment_name: str
    autogenerate_domain: Literal[False] = False
    instant_deploy: Literal[False] = False


class NewApplication(_Created, ApplicationFields):
    """Body of ``POST /applications/dockerimage``."""

    tags: tuple[str, ...]


class NewOwnApplication(_Created, OwnFields):
    """The same, of a service of ours."""


class Storage(BaseModel):
    """A volume of an application."""

    mount_path: str


class Storages(BaseModel):
    """The volumes of an application; those of files are not read."""

    persistent_storages: tuple[Storage, ...] = ()


class Variable(BaseModel):
    """A variable of the running app. Every field is always sent: Coolify resets or wipes what is missing (#9977).

    A quote breaks Coolify's `.env` file (#7635), and surrounding space is trimmed away.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$", max_length=255)
    value: Annotated[str, StringConstraints(pattern=r"^([^'\s]([^'\r\n]*[^'\s])?)?$")] = Field(repr=False)
    is_preview: bool = False
    is_literal: bool = True
    is_multiline: bool = False
    is_shown_once: bool = False
    is_runtime: bool = True
    is_buildtime: bool = False
