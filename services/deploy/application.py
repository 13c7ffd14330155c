"""Ensures the project's application: found by its name, else created, and recorded before anything is done with it."""

import re
from asyncio import Lock
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from services.deploy.blueprint import Wanted
from services.deploy.coolify import Coolify
from services.deploy.coolify_errors import ConflictError
from services.deploy.coolify_models import Application, Project
from services.deploy.models import ProjectDeployment, Stage
from shared.errors import PermanentError
from shared.licenses import GrantLicenses
from shared.step import Step
from shared.writes import Upsert

log = structlog.get_logger(__name__)

UUID_FORM = re.compile(r"[a-z0-9]{20,36}")
"""Today's uuids have 24 lower-case letters and digits; a name of that form would be mistaken for one."""

LATEST = datetime.max.replace(tzinfo=UTC)


class CoolifyProject:
    """The Coolify project of all tenants, given as a uuid or as a name; looked up once."""

    def __init__(self, coolify: Coolify, given: str) -> None:
        self._coolify = coolify
        self._given = given
        self._uuid: str | None = None
        self._looking = Lock()

    async def uuid(self) -> str:
        """Return its uuid; a project of the given name is made if there is none.

        Raises:
            PermanentError: a uuid is given that does not exist.

        """
        async with self._looking:
            if self._uuid is None:
                self._uuid = self.among(await self._coolify.projects()) or await self._create()
            return self._uuid

    def among(self, projects: Sequence[Project]) -> str | None:
        """Its uuid, if it is one of these."""
        if any(project.uuid == self._given for project in projects):
            return self._given
        named = sorted((project.id, project.uuid) for project in projects if project.name == self._given)
        return named[0][1] if named else None

    async def _create(self) -> str:
        if UUID_FORM.fullmatch(self._given):
            raise PermanentError(
                f"VRS_COOLIFY_PROJECT: the token's team has no project {self._given}", code="coolify_no_project"
            )
        made = await self._coolify.create_project(self._given)
        found = self.among(
            await self._coolify.projects()
        )  # names are not unique: another process may have made one just now
        if found is not None and found != made:
            await self._coolify.delete_project(made)
            return found
        return made


async def create_application(coolify: Coolify, step: Step, wanted: Wanted, coolify_project: str) -> ProjectDeployment:
    """Return the recorded row of an application that is as `wanted`.

    It is found by name first unless this very try has made its environment: so the next try finds what a create made
    whose answer was lost. If two turn up the oldest stays; the other was never deployed and goes, by its uuid.
    """
    row = _intent(step, wanted, coolify_project)
    plugins = step.project.plugins if step.project else ()
    await step.record(Upsert(row), *([GrantLicenses(plugins)] if plugins else []))
    environment_is_new = await coolify.create_environment(coolify_project, wanted.environment)
    found = [] if environment_is_new else await named(coolify, coolify_project, wanted.environment, wanted.fields.name)
    if not found:
        found = await _made(coolify, wanted, coolify_project, look_again=not environment_is_new)
    else:
        await coolify.update_application(found[0].uuid, wanted.fields)
    kept, *surplus = found
    row = row.at(Stage.CREATED, application=kept.uuid)
    await step.record(Upsert(row))
    for application in surplus:
        log.warning("deleting a surplus application", application=application.uuid, kept=kept.uuid)
        await coolify.delete_application(application.uuid, delete_volumes=True)
    return row


async def named(coolify: Coolify, coolify_project: str, environment: str, name: str) -> list[Application]:
    """The applications of this name in the environment, the oldest first."""
    inside = (await coolify.environment(coolify_project, environment)).applications
    ours = [application for application in inside if application.name == name]
    return sorted(ours, key=lambda application: (application.created_at or LATEST, application.uuid))


def _intent(step: Step, wanted: Wanted, coolify_project: str) -> ProjectDeployment:
    return ProjectDeployment(
        project_id=step.project_id,
        coolify_project=coolify_project,
        server=wanted.server,
        stage=Stage.CREATING,
        since=datetime.now(UTC),
        image=wanted.fields.docker_registry_image_name,
        tag=wanted.fields.docker_registry_image_tag,
        spec=wanted.spec,
    )


async def _made(coolify: Coolify, wanted: Wanted, coolify_project: str, *, look_again: bool) -> list[Application]:
    """Create it; return it, and what else has its name if a create of an earlier try came true meanwhile."""
    name = wanted.fields.name
    try:
        made = await coolify.create_application(wanted.creation(coolify_project))
    except ConflictError as conflict:
        if not conflict.conflicts or any(taken.resource_name != name for taken in conflict.conflicts):
            raise
        found = await named(coolify, coolify_project, wanted.environment, name)
        if not found:
            raise
        await coolify.update_application(found[0].uuid, wanted.fields)
        return found
    found = await named(coolify, coolify_project, wanted.environment, name) if look_again else []
    return found or [Application(uuid=made)]
