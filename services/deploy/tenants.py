"""What Coolify has of ours: applications by name, tag and uuid, and environments by name."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from uuid import UUID

from services.deploy.application import LATEST
from services.deploy.blueprint import TAG, application_name, environment_name, project_of
from services.deploy.coolify import Coolify
from services.deploy.coolify_errors import ApplicationGoneError, NotFoundError
from services.deploy.coolify_models import Application


@dataclass(frozen=True, slots=True)
class Tenant:
    """An application. `tagged`: it has our tag. `inside`: it lies in its project's environment, which is ours."""

    application: Application
    tagged: bool
    inside: bool

    @property
    def uuid(self) -> str:
        """Coolify's uuid."""
        return self.application.uuid

    @property
    def server(self) -> str | None:
        """The uuid of the server that it runs on, if Coolify tells."""
        return self.application.destination.server.uuid if self.application.destination else None


@dataclass(slots=True)
class Tenants:
    """Everything, or what there is of one project.

    `environments`: each project's, with its Coolify project. `homes`: the Coolify projects there are; if one is not
    among them, it is of another team or another Coolify, and nothing of it can be said to be missing.
    """

    homes: AbstractSet[str]
    named: dict[UUID, list[Tenant]] = field(default_factory=dict)
    by_uuid: dict[str, Tenant] = field(default_factory=dict)
    environments: dict[UUID, str] = field(default_factory=dict)

    def add(self, tenant: Tenant) -> None:
        """Put it under its uuid, and under the project whose name it has."""
        self.by_uuid[tenant.uuid] = tenant
        project_id = project_of(tenant.application.name, application_name)
        if project_id is not None:
            self.named.setdefault(project_id, []).append(tenant)

    def of(self, project_id: UUID) -> list[Tenant]:
        """Those of the project's name, the oldest first."""
        return sorted(
            self.named.get(project_id, []), key=lambda each: (each.application.created_at or LATEST, each.uuid)
        )


async def all_tenants(
    coolify: Coolify, homes: AbstractSet[str], coolify_projects: Iterable[str], recorded: AbstractSet[str]
) -> Tenants:
    """List them, with two calls and one for each Coolify project; `recorded` are listed whatever they are called."""
    found = Tenants(homes)
    owners: dict[int, UUID] = {}
    for coolify_project in homes & set(coolify_projects):
        for environment in await coolify.environments(coolify_project):
            if (project_id := project_of(environment.name, environment_name)) is not None:
                found.environments[project_id] = coolify_project
                owners[environment.id] = project_id
    tagged = {application.uuid async for application in coolify.applications(TAG)}
    async for application in coolify.applications():
        project_id = project_of(application.name, application_name)
        if project_id is None and application.uuid not in recorded:
            continue
        owner = owners.get(application.environment_id or 0)
        inside = owner is not None and (project_id is None or owner == project_id)
        found.add(Tenant(application, application.uuid in tagged, inside))
    return found


async def tenants_of(
    coolify: Coolify, homes: AbstractSet[str], project_id: UUID, coolify_project: str | None, recorded: str | None
) -> Tenants:
    """Find what one project has there, and the `recorded` application wherever it is."""
    found = Tenants(homes)
    home: int | None = None
    if coolify_project is not None:
        try:
            environment = await coolify.environment(coolify_project, environment_name(project_id))
        except NotFoundError:
            pass
        else:
            home = environment.id
            found.environments[project_id] = coolify_project
            for application in environment.applications:
                if application.name == application_name(project_id) or application.uuid == recorded:
                    found.add(Tenant(application, await _is_tagged(coolify, application.uuid), inside=True))
    if recorded is not None and recorded not in found.by_uuid:
        try:
            application = await coolify.application(recorded)
            tagged = await _is_tagged(coolify, recorded)
        except ApplicationGoneError:
            return found
        found.add(Tenant(application, tagged, inside=home is not None and application.environment_id == home))
    return found


async def _is_tagged(coolify: Coolify, application: str) -> bool:
    return TAG in await coolify.tags(application)
