"""What a Coolify instance stores: the rows behind its API."""

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


def now() -> datetime:
    """The wall clock, UTC."""
    return datetime.now(UTC)


def new_uuid() -> str:
    """24 lower-case letters and digits, as Coolify makes them; not an RFC 4122 UUID."""
    return secrets.token_hex(12)


class DeploymentStatus(StrEnum):
    """`app/Enums/ApplicationDeploymentStatus.php`; note the hyphens."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled-by-user"

    @property
    def is_live(self) -> bool:
        """Whether the deployment still occupies its app."""
        return self in (DeploymentStatus.QUEUED, DeploymentStatus.IN_PROGRESS)


@dataclass(slots=True)
class Server:
    """A machine that runs containers. `ipv6` is not in Coolify's API: whoever runs the server knows it."""

    id: int
    uuid: str
    name: str
    ip: str
    ipv6: str | None = None
    description: str | None = None
    user: str = "root"
    port: int = 22
    reachable: bool = True
    concurrent_builds: int = 2
    deployment_queue_limit: int = 25
    dynamic_timeout: int = 3600
    connection_timeout: int = 10
    created_at: datetime = field(default_factory=now)
    deployments: list["Deployment"] = field(default_factory=list, repr=False)


@dataclass(slots=True)
class Project:
    """A folder for environments. Names are not unique."""

    id: int
    uuid: str
    name: str
    description: str | None = None
    environments: list["Environment"] = field(default_factory=list, repr=False)
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True)
class Environment:
    """A folder for applications; its name is unique within the project."""

    id: int
    uuid: str
    name: str
    project: Project
    description: str | None = None
    applications: list["Application"] = field(default_factory=list, repr=False)
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True)
class Tag:
    """A label, unique within the team."""

    uuid: str
    name: str
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True)
class Variable:
    """One row of an application's environment variables."""

    uuid: str
    key: str
    value: str | None = None
    is_preview: bool = False
    is_literal: bool = False
    is_multiline: bool = False
    is_shown_once: bool = False
    is_runtime: bool = True
    is_buildtime: bool = True
    comment: str | None = None
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Storage:
    """A volume of an application, mounted at `mount_path`."""

    uuid: str
    name: str
    mount_path: str


@dataclass(slots=True)
class Running:
    """The container that serves an application now; a failed deployment leaves it as it is."""

    image: str
    tag: str
    hosts: list[str]
    health_checked: bool
    settles_at: float  # time.monotonic() until which the status sweep has not seen it


@dataclass(slots=True)
class Application:
    """A dockerimage application: `columns` as its row has them, `settings` as its settings row."""

    id: int
    uuid: str
    environment: Environment
    server: Server
    fqdn: str | None
    columns: dict[str, Any]
    settings: dict[str, Any]
    tags: list[Tag] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    storages: list[Storage] = field(default_factory=list)
    deployments: list["Deployment"] = field(default_factory=list, repr=False)
    running: Running | None = None
    last_online_at: datetime = field(default_factory=now)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    @property
    def status(self) -> str:
        """``<state>:<health>``; after a healthy deployment `running:unhealthy` until the next sweep."""
        if self.running is None:
            return "exited:unhealthy"
        if time.monotonic() < self.running.settles_at:
            return "running:unhealthy"
        return "running:healthy" if self.running.health_checked else "running:unknown"


@dataclass(slots=True)
class Deployment:
    """One run of an application's image, queued or over."""

    id: int
    uuid: str
    application: Application
    server: Server
    force_rebuild: bool = False
    restart_only: bool = False
    status: DeploymentStatus = DeploymentStatus.QUEUED
    logs: list[str] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    finished_at: datetime | None = None
