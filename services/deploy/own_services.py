"""Puts our own services on a Coolify: an application for each, made or changed where it is not as it should be.

Coolify tells no values of variables, and names are not unique. So what was applied stands in the description as a hash,
written last; applications are found by name in one environment, and two of a name are a person's to sort out.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from services.deploy.application import CoolifyProject
from services.deploy.budget import Budget
from services.deploy.coolify import Coolify, api_headers
from services.deploy.coolify_models import (
    ApplicationChanges,
    DeploymentStatus,
    NewOwnApplication,
    OwnApplication,
)
from services.deploy.own_spec import UNDER_WAY, Spec, Wanted, read_spec, wanted_of
from services.deploy.settings import DeskSettings
from shared.errors import PermanentError, TemporaryError
from shared.http import http_client
from shared.own_services import Action, Change
from shared.settings import load

LOOK_EVERY = 2.0
"""Seconds."""

_SEEN = (
    "docker_registry_image_name",
    "docker_registry_image_tag",
    "ports_exposes",
    "custom_docker_run_options",
    "limits_memory",
    "limits_cpus",
    "health_check_enabled",
    "health_check_command",
)
"""What Coolify shows of what we set: changed by hand, it is set again."""


async def apply(file: Path, secrets: Path, dry_run: bool, tell: Callable[[Change], None]) -> None:
    """See `shared.own_services.Apply`; the entry point of ``vrs coolify``."""
    spec = read_spec(file)
    wanted = wanted_of(spec, secrets)
    settings = load(DeskSettings)
    headers = api_headers(settings.coolify_token.get_secret_value())
    async with http_client(settings.coolify_api, headers=headers) as http:
        coolify = Coolify(http, Budget(settings.coolify_rate_limit))
        site = Site(coolify, spec, patience=settings.coolify_deployment_minutes * 60)
        for each in wanted:
            tell(await site.look(each) if dry_run else await site.put(each))


class Site:
    """One environment of one Coolify. `patience` is how many seconds a deployment may take."""

    def __init__(self, coolify: Coolify, spec: Spec, *, patience: float) -> None:
        self._coolify = coolify
        self._spec = spec
        self._project = CoolifyProject(coolify, spec.project)
        self._patience = patience

    async def look(self, wanted: Wanted) -> Change:
        """What would be done. Changes nothing."""
        project = self._project.among(await self._coolify.projects())
        there = await self._found(project, wanted) if project else None
        return _change(there, wanted)

    async def put(self, wanted: Wanted) -> Change:
        """Make it so, and wait until it runs. What ran before goes on until then, and if it fails.

        Raises:
            PermanentError: the deployment failed, or two applications have the name.
            TemporaryError: it takes too long.

        """
        project = await self._project.uuid()
        await self._coolify.create_environment(project, self._spec.environment)
        there = await self._found(project, wanted)
        change = _change(there, wanted)
        if change.action is Action.NOTHING:
            return change
        if there is None:
            uuid = await self._coolify.create_application(
                NewOwnApplication(
                    **wanted.fields.model_dump(),
                    project_uuid=project,
                    server_uuid=self._spec.server,
                    environment_name=self._spec.environment,
                )
            )
        else:
            uuid = there.uuid
            await self._coolify.update_application(uuid, wanted.fields)
        await self._coolify.set_variables(uuid, list(wanted.variables))
        await self._coolify.forget_variables(uuid, [variable.key for variable in wanted.variables])
        deployment = await self._deployed(uuid, wanted)
        await self._coolify.update_application(uuid, ApplicationChanges(description=wanted.description))
        return Change(name=change.name, action=change.action, differs=change.differs, deployment=deployment)

    async def _found(self, project: str, wanted: Wanted) -> OwnApplication | None:
        if self._spec.environment not in {each.name for each in await self._coolify.environments(project)}:
            return None
        name = wanted.fields.name
        environment = await self._coolify.own_environment(project, self._spec.environment)
        found = [each for each in environment.applications if each.name == name]
        if len(found) > 1:
            uuids = ", ".join(each.uuid for each in found)
            raise PermanentError(f"{name}: there are {len(found)} of it ({uuids}): remove all but one", code="doubled")
        return found[0] if found else None

    async def _deployed(self, uuid: str, wanted: Wanted) -> str:
        name = wanted.fields.name
        deployment = await self._coolify.deploy(uuid, force=True)
        try:
            async with asyncio.timeout(self._patience):
                status = await self._ended(deployment)
        except TimeoutError as error:
            raise TemporaryError(
                f"{name}: deployment {deployment} takes longer than {self._patience / 60:g} min: look at it in "
                "Coolify, then apply again",
                code="stuck",
            ) from error
        if status is not DeploymentStatus.FINISHED:
            raise PermanentError(
                f"{name}: deployment {deployment} ended as {status}; what ran before goes on, and what comes after it "
                "was not touched. Coolify's log of it says why; then apply again",
                code="deployment_failed",
            )
        return deployment

    async def _ended(self, deployment: str) -> DeploymentStatus:
        while True:
            status = (await self._coolify.deployment(deployment)).status
            if not status.is_live:
                return status
            await asyncio.sleep(LOOK_EVERY)


def _change(there: OwnApplication | None, wanted: Wanted) -> Change:
    name = wanted.fields.name
    if there is None:
        return Change(name=name, action=Action.CREATE)
    differs = _differs(there, wanted)
    return Change(name=name, action=Action.UPDATE if differs else Action.NOTHING, differs=tuple(differs))


def _differs(there: OwnApplication, wanted: Wanted) -> Sequence[str]:
    """What Coolify shows otherwise; "variables" stands for what it does not show, or was not applied to its end."""
    shown = [field for field in _SEEN if getattr(there, field) != getattr(wanted.fields, field)]
    if (there.fqdn or None) != wanted.fields.domains:
        shown.append("domains")
    if there.description == UNDER_WAY:
        shown.append("not applied completely")
    elif not shown and there.description != wanted.description:
        shown.append("variables")
    return shown
