"""RoutesChanged: Coolify's proxy leads all of a project's domains to its app, and the app knows its primary one.

That takes a new deployment: the proxy's rules are labels of the container, and the primary host one of its variables.
The addresses are always set as a whole, so none that is there is lost; of several changes the newest is carried out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import AppRouted, DnsConfigured, RoutesChanged, ServiceName
from services.deploy.blueprint import Blueprint, Site, Wanted, application_name, project_of
from services.deploy.coolify import Coolify
from services.deploy.coolify_errors import ApplicationGoneError, ConflictError
from services.deploy.models import AppRoutes, ProjectDeployment, Stage
from services.deploy.rollout import Rollout, application_of, deployment_of, key_of
from shared.errors import PermanentError, TemporaryError
from shared.messaging.topology import queue_name
from shared.models import OpenStep, StepState
from shared.outcome import Done, Later, Outcome
from shared.step import Step
from shared.writes import Upsert

_FIRST = queue_name(ServiceName.DEPLOY, DnsConfigured)


@dataclass(frozen=True, slots=True)
class TakeRoutes:
    """A `Write`: these are the app's routes, unless newer ones are. Result: those that count, settled or not."""

    routes: AppRoutes
    rank: ClassVar[int] = 44

    @property
    def kind(self) -> object:
        """One batch."""
        return "take_routes"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> list[tuple[int, bool]]:
        """Compare, then write."""
        known = select(AppRoutes.project_id, AppRoutes.revision, AppRoutes.settled).where(
            AppRoutes.project_id.in_([project_id for project_id, _ in batch])
        )
        there = {row.project_id: (row.revision, row.settled) for row in await connection.execute(known)}
        newer = [
            (project_id, Upsert(write.routes))
            for project_id, write in batch
            if project_id not in there or there[project_id][0] < write.routes.revision
        ]
        if newer:
            await Upsert.apply(connection, newer)
        taken = {project_id: (write.routes.revision, False) for project_id, write in batch}
        fresh = {project_id for project_id, _ in newer}
        return [taken[project_id] if project_id in fresh else there[project_id] for project_id, _ in batch]


class Routing:
    """Handles RoutesChanged."""

    def __init__(self, coolify: Coolify, blueprint: Blueprint, rollout: Rollout) -> None:
        self._coolify = coolify
        self._blueprint = blueprint
        self._rollout = rollout

    async def route_app(self, event: RoutesChanged, step: Step) -> Outcome:
        """Give the app these addresses, deploy it with them, wait until it runs.

        Raises:
            PermanentError: another application at Coolify has one of the addresses.

        """
        row = next(iter(await step.rows(ProjectDeployment)), None)
        steps = await step.rows(OpenStep)
        if step.project is None or row is None or row.application is None or any(map(_is_first, steps)):
            return Later(after=2.0, message="Waits until the project's app runs at all.")
        routes = _rows_of(event, step.project_id)
        [(revision, settled)] = await step.record(TakeRoutes(routes))
        if revision > event.revision:
            return Done(message=f"Newer routes are carried out instead of these (revision {event.revision}).")
        if settled:
            return Done(message=f"The app answers under these names already (revision {event.revision}).")
        site = Site(event.server.id, tuple(routes.hosts), event.primary)
        wanted = self._blueprint.wanted(step.project_id, step.project, site)
        try:
            if row.spec == wanted.spec:
                return await self._rollout.advance(partial(_routed, event, routes), step, wanted, row)
            if not row.stage.at_rest:
                return await self._rollout.advance(_again, step, wanted, row)
            row = await self._change(step, row, wanted)
            return await self._rollout.advance(partial(_routed, event, routes), step, wanted, row)
        except ApplicationGoneError as gone:
            raise TemporaryError(f"{gone} `vrs reconcile` makes it again", code=gone.code) from gone

    async def _change(self, step: Step, row: ProjectDeployment, wanted: Wanted) -> ProjectDeployment:
        await step.record(Upsert(row))
        try:
            await self._coolify.update_application(application_of(row), wanted.fields)
        except ConflictError as conflict:
            raise _conflict(conflict) from conflict
        fields = wanted.fields
        return row.at(
            Stage.CREATED,
            spec=wanted.spec,
            image=fields.docker_registry_image_name,
            tag=fields.docker_registry_image_tag,
            retries=0,
        )


def _is_first(step: OpenStep) -> bool:
    return step.consumer == _FIRST and step.state is not StepState.DEAD


def _rows_of(event: RoutesChanged, project_id: UUID, *, settled: bool = False) -> AppRoutes:
    hosts = [host for domain in event.domains for host in domain.hosts]
    return AppRoutes(
        project_id=project_id, revision=event.revision, hosts=hosts, primary_host=event.primary, settled=settled
    )


def _again(row: ProjectDeployment) -> Outcome:
    """A deployment of before has come to its end."""
    return Later(after=0.05, message="The app's last deployment is over.", writes=(Upsert(row.at(Stage.DEPLOYED)),))


def _routed(event: RoutesChanged, routes: AppRoutes, row: ProjectDeployment) -> Outcome:
    said = AppRouted(
        revision=event.revision,
        domains=event.domains,
        primary=event.primary,
        application=application_of(row),
        deployment=deployment_of(row),
        core_key=key_of(row),
    )
    return Done(
        message=f"Coolify leads {', '.join(routes.hosts)} to the app; its primary one is {event.primary}.",
        events=(said,),
        writes=(Upsert(row.at(Stage.DEPLOYED, retries=0)), Upsert(_rows_of(event, row.project_id, settled=True))),
        detail={"application": row.application, "deployment": row.deployment, "revision": event.revision},
    )


def _conflict(conflict: ConflictError) -> PermanentError | TemporaryError:
    """Say who has the address. An app of another project of ours is about to let it go: dns has given the name away."""
    if not conflict.conflicts:
        return conflict
    ours = all(project_of(each.resource_name, application_name) for each in conflict.conflicts)
    who = "; ".join(
        f"{each.domain} leads to {each.resource_name} ({each.resource_uuid})" for each in conflict.conflicts
    )
    if ours:
        return TemporaryError(f"at Coolify {who}, which has to let it go first", code=conflict.code)
    return PermanentError(f"at Coolify {who}: take it away there, then replay", code=conflict.code)
