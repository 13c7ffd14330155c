"""What deploy does about the events that it hears."""

from functools import partial

import structlog

from contracts import AppRemoved, DnsConfigured, ProjectCancelled
from services.deploy.application import CoolifyProject, create_application
from services.deploy.blueprint import Blueprint, Wanted, environment_name, site_of
from services.deploy.coolify import Coolify
from services.deploy.coolify_errors import ApplicationGoneError
from services.deploy.models import AppRoutes, ProjectDeployment, Stage
from services.deploy.removal import remove_applications, remove_environment
from services.deploy.rollout import Rollout, deployed
from shared.errors import TemporaryError
from shared.http import CONNECT_TIMEOUT, READ_TIMEOUT
from shared.lease import within_lease
from shared.models import CoreToken
from shared.outcome import Done, Later, Outcome
from shared.step import Step
from shared.writes import Delete, Upsert

log = structlog.get_logger(__name__)

PHP_SECONDS = 30.0
"""How long PHP works on a request at most, after its caller has gone."""


def intent_grace(lease: float) -> float:
    """Seconds after which a create that was never answered cannot come true any more: twice our timeout, and PHP's."""
    return 2 * within_lease(CONNECT_TIMEOUT + READ_TIMEOUT, lease) + PHP_SECONDS


class Handlers:
    """One method for each consumed event."""

    def __init__(
        self,
        coolify: Coolify,
        project: CoolifyProject,
        blueprint: Blueprint,
        rollout: Rollout,
        *,
        intent_grace: float,
    ) -> None:
        self._coolify = coolify
        self._project = project
        self._blueprint = blueprint
        self._rollout = rollout
        self._intent_grace = intent_grace

    async def deploy_app(self, event: DnsConfigured, step: Step) -> Outcome:
        """Ensure the project's application on the chosen server, deploy it, and wait until it runs."""
        if step.project is None:
            raise TemporaryError("the project is not known yet", code="unknown_project")
        routes = next(iter(await step.rows(AppRoutes)), None)
        wanted = self._blueprint.wanted(step.project_id, step.project, site_of(event, routes))
        row = await _row(step)
        if row is not None and (row.server != wanted.server or row.stage is Stage.REMOVING):
            if (moving := await self._vacate(step, row)) is not None:
                return moving
            row = None
        try:
            row = await self._application(step, wanted, row)
            return await self._rollout.advance(partial(deployed, event), step, wanted, row)
        except ApplicationGoneError as gone:
            if row is None or row.application is None:
                raise TemporaryError(str(gone), code=gone.code) from gone
            log.warning("somebody deleted the application", application=row.application)
            return Later(
                after=1.0,
                message="The application is gone from Coolify and is made again",
                writes=(Upsert(row.at(Stage.CREATING, application=None, deployment=None)),),
            )

    async def remove_app(self, event: ProjectCancelled, step: Step) -> Outcome:
        """Remove the project's application and environment from Coolify, its volumes only if that is wanted."""
        row = await _row(step)
        if row is None:
            said = AppRemoved(application=None, environment=None, volumes_kept=event.keep_volumes)
            return Done(message="Nothing was made at Coolify", events=(said,))
        await step.record(Upsert(row))
        left = await remove_applications(self._coolify, row, delete_volumes=not event.keep_volumes)
        if left is not None:
            return _while_removing(left)
        grace = self._intent_grace - row.age.total_seconds()
        if row.stage is Stage.CREATING and grace > 0:
            return Later(after=min(grace, 10.0), message="Waits whether an unanswered create comes true")
        await remove_environment(self._coolify, row)
        said = AppRemoved(
            application=row.application,
            environment=environment_name(step.project_id),
            volumes_kept=event.keep_volumes,
        )
        rows = (row, *await step.rows(CoreToken), *await step.rows(AppRoutes))
        return Done(
            message="Coolify runs nothing for the project any more",
            events=(said,),
            writes=tuple(Delete(each) for each in rows),
        )

    async def _application(self, step: Step, wanted: Wanted, row: ProjectDeployment | None) -> ProjectDeployment:
        if row is None or row.application is None:
            coolify_project = row.coolify_project if row else await self._project.uuid()
            return await create_application(self._coolify, step, wanted, coolify_project)
        if row.spec == wanted.spec or not row.stage.at_rest:
            return row
        await step.record(Upsert(row))
        await self._coolify.update_application(row.application, wanted.fields)
        return row.at(
            Stage.CREATED,
            spec=wanted.spec,
            image=wanted.fields.docker_registry_image_name,
            tag=wanted.fields.docker_registry_image_tag,
            retries=0,
        )

    async def _vacate(self, step: Step, row: ProjectDeployment) -> Outcome | None:
        """Remove the application from the server that it was on; its volumes stay there. None once it is gone."""
        await step.record(Upsert(row))
        left = await remove_applications(self._coolify, row, delete_volumes=False)
        return None if left is None else _while_removing(left)


def _while_removing(row: ProjectDeployment) -> Later:
    return Later(
        after=min(max(1.0, row.age.total_seconds()), 15.0),
        message="Waits for Coolify to delete the application",
        writes=(Upsert(row),),
    )


async def _row(step: Step) -> ProjectDeployment | None:
    return next(iter(await step.rows(ProjectDeployment)), None)
