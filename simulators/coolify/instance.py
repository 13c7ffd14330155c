"""The instance: everything one Coolify knows, and how it behaves just now."""

from collections.abc import Iterable
from itertools import count

from pydantic import BaseModel, ConfigDict, Field

from simulators.coolify.records import Application, Deployment, Environment, Project, Server, Tag, new_uuid

PROJECT_UUID = "prj0000000000000000000001"
PROJECT_NAME = "vrs-tenants"


class Knobs(BaseModel):
    """How the instance behaves; every key can be set over ``POST /_control``. Times in seconds."""

    model_config = ConfigDict(extra="forbid")

    deploy_seconds: float = Field(default=1.0, ge=0)
    blip_seconds: float = Field(default=1.0, ge=0)  # `running:unhealthy` after a healthy deployment
    delete_seconds: float = Field(default=1.0, ge=0)  # an app's row outlives its DELETE by this
    rate_limit: int = Field(default=200, ge=1)  # requests a minute
    fail_deployments: int = Field(default=0, ge=0)  # the next N fail at their end
    stick_deployments: int = Field(default=0, ge=0)  # the next N never end by themselves
    unhealthy: list[str] = ["unhealthy"]  # image, app or domain names with one of these in them fail the health check
    deployments_as_object: bool = False  # GET /deployments as an object with index keys


def default_servers() -> list[Server]:
    """Ten servers; every second one has an IPv6 address."""
    return [
        Server(
            id=number,
            uuid=f"srv{number:022d}",
            name=f"srv-tenants-{number}",
            ip=f"203.0.113.{9 + number}",
            ipv6=f"2001:db8::{9 + number}" if number % 2 else None,
        )
        for number in range(1, 11)
    ]


class Instance:
    """One team's rows. Never shared between simulators."""

    def __init__(self, servers: Iterable[Server]) -> None:
        self.knobs = Knobs()
        self.servers = {server.uuid: server for server in servers}
        self.projects: dict[str, Project] = {}
        self.applications: dict[str, Application] = {}
        self.deployments: dict[str, Deployment] = {}
        self.tags: dict[str, Tag] = {}
        self.deletions: list[dict[str, str | bool]] = []
        self.throttled = 0
        self._ids = count(1)
        self.add_project(PROJECT_NAME, "the customers' projects", uuid=PROJECT_UUID)

    def next_id(self) -> int:
        """An id that no row has."""
        return next(self._ids)

    def add_project(self, name: str, description: str | None, *, uuid: str | None = None) -> Project:
        """A project is born with the environment `production`."""
        project = Project(id=self.next_id(), uuid=uuid or new_uuid(), name=name, description=description)
        self.projects[project.uuid] = project
        self.add_environment(project, "production")
        return project

    def add_environment(self, project: Project, name: str) -> Environment:
        """The caller has checked that the name is free."""
        environment = Environment(id=self.next_id(), uuid=new_uuid(), name=name, project=project)
        project.environments.append(environment)
        return environment

    def tag(self, application: Application, names: Iterable[str]) -> None:
        """Attach tags, creating those that the team does not have."""
        for name in names:
            tag = self.tags.setdefault(name, Tag(uuid=new_uuid(), name=name))
            if tag not in application.tags:
                application.tags.append(tag)

    def forget(self, application: Application) -> None:
        """Remove the application's row and everything that hangs on it."""
        del self.applications[application.uuid]
        application.environment.applications.remove(application)
        for deployment in application.deployments:
            del self.deployments[deployment.uuid]
            application.server.deployments.remove(deployment)
